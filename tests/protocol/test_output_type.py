"""`output_type`: the final answer fits a type, or the run says that it does not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pydantic
import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from massgraph import Agent, Policy, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import ContentChunk, DoneChunk, StreamChunk
from massgraph.backends.errors import BadRequestError
from massgraph.chat_models.team import TeamChatModel
from massgraph.display.narrator import Narrator
from massgraph.nodes.events import ActionRefused, FinalText, PresentingEnded, PresentingStarted

from ..vloop import run_virtual
from .stage import (
    Actor,
    Improvised,
    Played,
    Script,
    answer,
    calls,
    drafts,
    final,
    play,
    vote,
    votes,
)

SCHEMA = {
    "type": "object",
    "properties": {"larger": {"type": "number"}},
    "required": ["larger"],
    "additionalProperties": False,
}
FITS = '{"larger": 9.9}'
WRONG = '{"larger": "9.9"}'


class Comparison(pydantic.BaseModel):
    """What the final answer must be."""

    larger: float
    why: str = ""


def typed(
    *finals: dict[str, Any] | str, draft: str = "9.9", given: Any = SCHEMA, **policy: Any
) -> Played:
    """Play a run that alice wins with `draft`, and ends with one of these after the other."""
    ends = [final(one) if isinstance(one, str) else one for one in finals]
    return play(
        {"output_type": given, **policy},
        alice=[answer(draft), vote("agent1"), *ends],
        bob=[answer("9.11"), vote("agent1")],
    )


def test_the_answer_fits_and_has_a_value() -> None:
    """The text is handed on byte for byte; its value stands beside it."""
    text = f" {FITS}\n"
    played = typed(text)
    result = played.result
    assert (result.answer, result.presented, result.output) == (text, "present", {"larger": 9.9})
    assert result.to_dict()["output"] == {"larger": 9.9}
    assert "".join(event.delta for event in played.of(FinalText)) == text
    assert [event.output for event in played.of(PresentingEnded)] == [{"larger": 9.9}]


def test_the_presenter_is_told_the_schema() -> None:
    """It stands at the very end of what it is sent."""
    told = typed(FITS).heard["alice"][-1].messages[-1].text
    assert told.endswith(json.dumps(SCHEMA))
    assert "Write the final answer now.\n\nThe final answer is one JSON value" in told


def test_an_instance_of_a_python_type() -> None:
    """The result has the instance; its JSON object has plain values, defaults included."""
    result = typed(FITS, given=Comparison).result
    assert result.output == Comparison(larger=9.9)
    assert isinstance(result.output, Comparison)
    assert result.to_dict()["output"] == {"larger": 9.9, "why": ""}
    assert typed("[1, 2]", given=list[int]).result.output == [1, 2]


def test_a_fenced_answer_stays_fenced() -> None:
    """Only its value is taken out of the fence."""
    text = f"```json\n{FITS}\n```"
    result = typed(text).result
    assert (result.answer, result.output) == (text, {"larger": 9.9})


def test_an_answer_is_mended_once() -> None:
    """It is told what was wrong, after what it had said; nothing fails."""
    played = typed(WRONG, FITS)
    result = played.result
    assert (result.answer, result.presented, result.failures) == (FITS, "present", {})
    first, second = played.heard["alice"][-2:]
    assert second.messages[: len(first.messages)] == first.messages
    said, told = second.messages[len(first.messages) :]
    assert isinstance(said, AIMessage)
    assert said.text == WRONG
    assert isinstance(told, HumanMessage)
    assert "$.larger: '9.9' is not of type 'number'" in told.text
    assert result.usage["alice"].calls == 4


def test_what_is_mended_does_not_run_together() -> None:
    """Each try has its number, and displays begin a new line for it."""
    played = typed(WRONG, FITS)
    assert [event.attempt for event in played.of(PresentingStarted)] == [1, 2]
    texts = {n: "".join(e.delta for e in played.of(FinalText) if e.attempt == n) for n in (1, 2)}
    assert texts == {1: WRONG, 2: FITS}
    [refused] = played.of(ActionRefused)
    assert (refused.what, refused.attempt) == ("final answer", 1)
    narrator = Narrator()
    lines = [line for event in played.events for line in narrator.feed(event)]
    assert [line.text for line in lines if line.style == "final"] == [WRONG, FITS]


def test_an_answer_that_never_fits() -> None:
    """After one mending the stored answer is presented, without a value, and the failure told."""
    played = typed(WRONG, "no", FITS)
    result = played.result
    assert (result.outcome, result.answer, result.presented) == ("settled", "9.9", "fallback")
    assert result.output is None
    assert result.to_dict()["output"] is None
    failure = result.failures["alice"]
    assert failure.kind == "protocol"
    assert failure.message.startswith("Presenting: It is not one JSON value")
    assert len(played.heard["alice"]) == 4
    assert [event.attempt for event in played.of(ActionRefused)] == [1, 2]


def test_a_stored_answer_may_fit_by_itself() -> None:
    """Then a fallback has its value."""
    result = typed(final("", error="auth"), draft=FITS).result
    assert (result.answer, result.presented, result.output) == (FITS, "fallback", {"larger": 9.9})
    assert result.failures["alice"].kind == "auth"


def test_a_mending_is_a_try() -> None:
    """Of which a policy may allow one alone."""
    played = typed(WRONG, FITS, attempts=1)
    assert (played.result.presented, len(played.heard["alice"])) == ("fallback", 3)


def test_an_empty_reply_is_asked_for_again() -> None:
    """There is nothing in it to mend, and providers refuse an empty message."""
    played = typed("", FITS)
    assert played.result.presented == "present"
    first, second = played.heard["alice"][-2:]
    assert second.messages == first.messages


def test_a_call_without_a_tool_is_not_answered() -> None:
    """Where no tool is offered, only the text of a reply can be told to be wrong."""
    called = calls(("vote", {"agent_id": "agent1"}), text=WRONG, when="present")
    played = typed(dict(called), FITS)
    assert played.result.presented == "present"
    said, told = played.heard["alice"][-1].messages[-2:]
    assert isinstance(said, AIMessage)
    assert (said.text, said.tool_calls) == (WRONG, [])
    assert isinstance(told, HumanMessage)


def test_a_stream_that_breaks_after_a_misfit_keeps_what_was_told() -> None:
    """The third try is sent what the second one was."""
    played = typed(WRONG, final("Half", error="incomplete_stream"), FITS)
    assert (played.result.presented, played.result.answer) == ("present", FITS)
    second, third = played.heard["alice"][-2:]
    assert third.messages == second.messages


def test_reuse_puts_the_stored_answer_into_the_form() -> None:
    """The winner is shown its own answer alone, and asked to say the same."""
    played = typed(FITS, final="reuse")
    result = played.result
    assert (result.answer, result.presented, result.output) == (FITS, "present", {"larger": 9.9})
    call = played.heard["alice"][-1]
    assert "9.11\n</" not in call.messages[-1].text
    assert "change nothing in what it says" in call.messages[0].text


def test_one_agent_alone_gives_its_answer_a_form() -> None:
    """One call more than it would need otherwise."""
    script: Script = [answer("9.9"), final(FITS)]
    played = play({"output_type": SCHEMA}, alice=script)
    result = played.result
    assert (result.answer, result.presented, result.settled_by) == (FITS, "present", "single")
    assert (result.output, result.total.calls) == ({"larger": 9.9}, 2)


def test_a_named_presenter_gives_the_form() -> None:
    """Merging and a type go together."""
    result = play(
        {"output_type": SCHEMA, "final": "synthesize", "presenter": "bob"},
        alice=[answer("9.9"), vote("agent1")],
        bob=[answer("9.11"), vote("agent1"), final(FITS)],
    ).result
    assert (result.presented, result.winner, result.output) == (
        "synthesize",
        "alice",
        {"larger": 9.9},
    )


def test_a_run_without_an_answer_has_no_value() -> None:
    """But the key, because a type was asked for; without one there is no key at all."""
    broken: Script = [{"error": "auth"}]
    assert play({"output_type": SCHEMA}, alice=broken).result.to_dict()["output"] is None
    assert "output" not in play(alice=broken).result.to_dict()
    assert "output" not in typed("9.9", given=None).result.to_dict()


class Held(Actor):
    """An actor whose provider holds its model to a schema."""

    takes_output_schema = True

    def __init__(self, turns: Script) -> None:
        super().__init__(turns)
        self.schemas: list[Any] = []

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Note the schema."""
        self.schemas.append(params.get("output_schema"))
        return super().perform(messages, tools)


@pytest.mark.parametrize(
    ("given", "text", "sent"),
    [(SCHEMA, FITS, {"title": "final_answer", **SCHEMA}), (list[int], "[1]", None)],
    ids=["an object", "a list"],
)
def test_a_provider_holds_its_model_to_the_schema(given: Any, text: str, sent: Any) -> None:
    """Only the presenting call carries it, and only where it is an object's."""
    alice = Held([answer("9.9"), vote("agent1"), final(text)])
    result = play({"output_type": given}, alice=alice, bob=[answer("B."), vote("agent1")]).result
    assert result.presented == "present"
    assert alice.schemas == [None, None, sent]


class Picky(Held):
    """An actor whose provider takes schemas, but not this one."""

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Refuse the request with the schema."""
        if "output_schema" in params:
            self.schemas.append(params["output_schema"])
            raise BadRequestError("it cannot be held to this")
        return super().perform(messages, tools)


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_provider_that_refuses_the_schema_is_asked_in_words(attempts: int) -> None:
    """The next try goes without it: the schema stands in the prompt in any case."""
    alice = Picky([answer("9.9"), vote("agent1"), final(FITS)])
    policy = {"output_type": SCHEMA, "attempts": attempts}
    result = play(policy, alice=alice, bob=[answer("B."), vote("agent1")]).result
    assert result.presented == ("present" if attempts > 1 else "fallback")
    assert [bool(schema) for schema in alice.schemas[2:]] == [True, False][:attempts]


def test_a_bad_request_without_a_schema_is_final() -> None:
    """There is nothing to leave out."""
    played = typed(final("", error="bad_request"), FITS, given=list[float])
    assert played.result.failures["alice"].kind == "bad_request"
    assert len(played.heard["alice"]) == 3


def test_a_refusal_is_not_mended() -> None:
    """Who declines is not asked again."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if tools:
            async for chunk in votes() if "vote" in tools else drafts("A."):
                yield chunk
            return
        yield ContentChunk("I can't help with that.")
        yield DoneChunk("refusal")

    played = play(
        {"output_type": SCHEMA}, alice=Improvised(act), bob=[answer("B."), vote("agent1")]
    )
    assert played.result.failures["alice"].kind == "refused"
    assert len(played.heard["alice"]) == 3


def test_a_chat_model_hands_the_value_on() -> None:
    """Beside everything else about the run, as a plain value."""
    team = Team(
        [Agent("alice", Actor([answer("9.9"), final(FITS)]))], Policy(output_type=Comparison)
    )
    message = run_virtual(TeamChatModel(team=team).ainvoke("Which?"))
    assert message.text == FITS
    assert message.response_metadata["output"] == {"larger": 9.9, "why": ""}
