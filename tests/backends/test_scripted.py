"""The scripted backend plays turns as its description says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import ContentChunk, ReasoningChunk
from massgraph.backends.errors import (
    AuthError,
    BackendError,
    BadRequestError,
    IncompleteStreamError,
    OverloadedError,
    RateLimitError,
    UserError,
)
from massgraph.backends.fold import Turn, fold
from massgraph.backends.registry import backend_from_config
from massgraph.backends.scripted import ScriptedBackend, ScriptedTurn
from tests.vloop import run_virtual

ANSWER = ToolSchema("new_answer")
PRESENT: tuple[ToolSchema, ...] = ()
NO_ANSWERS = (ANSWER,)


def answers(*labels: str) -> tuple[ToolSchema, ...]:
    """Return the tools of a call that may vote for these labels."""
    enum = {"type": "string", "enum": list(labels or ("agent1", "agent2"))}
    return ANSWER, ToolSchema("vote", "", {"type": "object", "properties": {"agent_id": enum}})


def play(
    backend: ScriptedBackend,
    tools: Sequence[ToolSchema] = NO_ANSWERS,
    messages: Sequence[AnyMessage] = (),
) -> Turn:
    """Return the next turn of the backend, on a virtual clock."""

    async def call() -> Turn:
        return fold([chunk async for chunk in backend.stream_with_tools(messages, tools)])

    return run_virtual(call())


def said(turn: Turn) -> Any:
    """Return the text of a turn, or the arguments of its only call."""
    if not turn.tool_calls:
        return turn.text
    (call,) = turn.tool_calls
    return call["args"]


# --- what a turn holds -------------------------------------------------------------------------


def test_text_and_reasoning_are_streamed() -> None:
    """Text and reasoning come in pieces, reasoning first."""
    backend = ScriptedBackend([{"reasoning": "Let me think.", "text": "It is 9.9, you see."}])

    async def call() -> list[str]:
        return [chunk.type async for chunk in backend.stream_with_tools([], NO_ANSWERS)]

    types = run_virtual(call())
    assert types.index("reasoning") < types.index("content")
    assert types.count("content") > 1
    turn = play(backend)
    assert (turn.reasoning, turn.text) == ("Let me think.", "It is 9.9, you see.")
    assert turn.finish_reason == "stop"


def test_delay() -> None:
    """A delay passes before anything is sent."""
    backend = ScriptedBackend([{"delay": 2.5, "text": "x"}])

    async def call() -> float:
        async for chunk in backend.stream_with_tools([], NO_ANSWERS):
            assert isinstance(chunk, ContentChunk | ReasoningChunk)
            break
        return asyncio.get_running_loop().time()

    assert run_virtual(call()) == pytest.approx(2.5)


def test_new_answer() -> None:
    """`new_answer` calls the tool of that name, after the text."""
    turn = play(ScriptedBackend([{"text": "So:", "new_answer": "9.9 \\n **is** larger"}]))
    assert turn.text == "So:"
    assert turn.tool_calls[0]["name"] == "new_answer"
    assert said(turn) == {"content": "9.9 \\n **is** larger"}
    assert turn.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("wanted", "voted"),
    [("first", "agent2.1"), ("last", "agent10.1"), ("agent7.1", "agent7.1"), ("bob", "bob")],
)
def test_vote(wanted: str, voted: str) -> None:
    """`vote` names a label, or the first or last one in order; a wrong one is sent as it is."""
    backend = ScriptedBackend([{"vote": wanted, "reason": "Why not?"}])
    turn = play(backend, answers("agent10.1", "agent2.1", "agent7.1"))
    assert turn.tool_calls[0]["name"] == "vote"
    assert said(turn) == {"agent_id": voted, "reason": "Why not?"}


def test_tool_calls() -> None:
    """`tool_calls` calls any tools; arguments given as a string are sent as they are."""
    turns = [{"tool_calls": [{"name": "f", "args": {"x": 1}}, {"name": "g", "id": "mine"}]}]
    turn = play(ScriptedBackend(turns))
    assert [(call["name"], call["args"]) for call in turn.tool_calls] == [
        ("f", {"x": 1}),
        ("g", {}),
    ]
    assert turn.tool_calls[1]["id"] == "mine"
    with pytest.raises(BackendError, match="not valid JSON"):
        play(ScriptedBackend([{"tool_calls": [{"name": "f", "args": "{oops"}]}]))


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        ("auth", AuthError),
        ("rate_limit", RateLimitError),
        ("overloaded", OverloadedError),
        ("bad_request", BadRequestError),
        ("incomplete_stream", IncompleteStreamError),
        (RateLimitError("mine", retry_after=2.0), RateLimitError),
    ],
)
def test_errors(error: str | BackendError, cls: type[BackendError]) -> None:
    """`error` ends the turn with a provider's error of that kind, or with one from Python."""
    with pytest.raises(cls):
        play(ScriptedBackend([{"error": error}]))


def test_raises() -> None:
    """From Python, a turn may raise anything at all."""
    with pytest.raises(ZeroDivisionError):
        play(ScriptedBackend([ScriptedTurn(text="x", raises=ZeroDivisionError())]))


def test_hang() -> None:
    """`hang` never ends."""
    backend = ScriptedBackend([{"text": "x", "hang": True}])

    async def call() -> None:
        async with asyncio.timeout(3600):
            async for _ in backend.stream_with_tools([], NO_ANSWERS):
                pass

    with pytest.raises(TimeoutError):
        run_virtual(call())


# --- which turn is played ----------------------------------------------------------------------


def test_turns_in_order_and_the_last_again() -> None:
    """Each call plays the next turn; when none is left, the last one is played again."""
    backend = ScriptedBackend([{"text": "one"}, {"text": "two"}])
    assert [said(play(backend)) for _ in range(4)] == ["one", "two", "two", "two"]
    assert backend.calls == 4


def test_when() -> None:
    """A turn with `when` waits for its kind of call; the others take their turns meanwhile."""
    backend = ScriptedBackend(
        [
            {"text": "present", "when": "present"},
            {"text": "answers", "when": "answers"},
            {"text": "no answers", "when": "no_answers"},
            {"text": "any"},
        ]
    )
    assert said(play(backend, NO_ANSWERS)) == "no answers"
    assert said(play(backend, NO_ANSWERS)) == "any"
    assert said(play(backend, answers())) == "answers"
    assert said(play(backend, answers())) == "any"
    assert said(play(backend, PRESENT)) == "present"
    assert said(play(backend, NO_ANSWERS)) == "any"


def test_the_last_that_fits_is_repeated() -> None:
    """What is played again is the last turn that fits the call, not the last of the script."""
    backend = ScriptedBackend(
        [{"text": "a", "when": "answers"}, {"text": "b", "when": "no_answers"}]
    )
    assert [said(play(backend, answers())) for _ in range(3)] == ["a", "a", "a"]


def test_other_tools_do_not_matter() -> None:
    """Whether a call is one to present depends on the two actions alone."""
    backend = ScriptedBackend([{"text": "acting"}, {"text": "shown", "when": "present"}])
    assert said(play(backend, (ToolSchema("calculator"),))) == "shown"
    assert said(play(backend, (ToolSchema("calculator"), ANSWER))) == "acting"


def test_a_stopped_turn_counts_as_played() -> None:
    """A turn that was begun is not played again, also when it was stopped."""
    backend = ScriptedBackend([{"text": "one", "hang": True}, {"text": "two"}])

    async def stopped() -> None:
        task = asyncio.ensure_future(anext(backend.stream_with_tools([], NO_ANSWERS)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(stopped())
    assert said(play(backend)) == "two"


def test_presenting_repeats_the_last_answer() -> None:
    """Without a turn for it, presenting repeats the text of the last new_answer call."""
    call = {"name": "new_answer", "args": {"content": "third"}}
    backend = ScriptedBackend(
        [{"new_answer": "first"}, {"new_answer": "second"}, {"tool_calls": [call]}]
    )
    play(backend)
    assert said(play(backend, PRESENT)) == "first"
    play(backend)
    assert said(play(backend, PRESENT)) == "second"
    play(backend)
    assert said(play(backend, PRESENT)) == "third"


def test_no_turn_that_fits() -> None:
    """A call that no turn fits is an error, not an invented answer."""
    with pytest.raises(BadRequestError, match="no turn"):
        play(ScriptedBackend([{"text": "x"}]), PRESENT)
    with pytest.raises(BadRequestError, match="no turn"):
        play(ScriptedBackend([{"text": "x", "when": "answers"}]), NO_ANSWERS)


# --- usage -------------------------------------------------------------------------------------


def test_usage() -> None:
    """Tokens are characters / 4, rounded up: of the messages, and of what was sent."""
    backend = ScriptedBackend([{"reasoning": "12345", "text": "1234"}])
    turn = play(backend, messages=[HumanMessage("123456789")])
    assert turn.usage is not None
    assert (turn.usage.input_tokens, turn.usage.output_tokens) == (3, 3)
    assert backend.token_usage == turn.usage


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"new_answer": "x", "vote": "first"}, "new_answer and vote"),
        ({"new_answer": "", "hang": True}, "new_answer and hang"),
        ({"vote": "", "error": "auth"}, "vote and error"),
        ({"reason": "no vote"}, "reason goes with vote"),
        ({"anser": "x"}, "anser"),
        ({"error": "gremlins"}, "error"),
        ({"when": "later"}, "when"),
        ({"delay": -1}, "delay"),
        ({"delay": float("inf")}, "delay"),
        ({"tool_calls": [{"args": {}}]}, r"tool_calls\.0\.name"),
        ({"text": 7}, "text"),
    ],
)
def test_a_turn_that_is_none(turn: dict[str, Any], said: str) -> None:
    """A turn with an unknown key, a wrong value or two endings is refused, by its place."""
    with pytest.raises(UserError, match=rf"turns\[1\].*{said}"):
        ScriptedBackend([{"text": "fine"}, turn])


def test_an_empty_script() -> None:
    """A script needs at least one turn."""
    with pytest.raises(UserError, match="at least one turn"):
        ScriptedBackend([])


def test_from_a_config() -> None:
    """A config's `type: scripted` with `turns:` is such a backend."""
    backend = backend_from_config({"type": "scripted", "turns": [{"text": "hello"}]})
    assert isinstance(backend, ScriptedBackend)
    assert said(play(backend)) == "hello"
