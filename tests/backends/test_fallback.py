"""A fallback is asked at once where a provider fails, and only before anything was said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, get_args

import pytest
from langchain_core.messages import AnyMessage, HumanMessage

from massgraph import Agent, Policy, Team
from massgraph.backends.base import LLMBackend, ToolSchema
from massgraph.backends.chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    StreamChunk,
    UsageChunk,
)
from massgraph.backends.errors import (
    BackendError,
    BackendErrorKind,
    OverloadedError,
    UserError,
    error_class,
)
from massgraph.backends.fallback import FallbackBackend
from massgraph.backends.scripted import ScriptedBackend
from massgraph.backends.usage import TokenUsage
from tests.vloop import run_virtual

from .loopback import LoopbackServer, answer, http_error

KINDS = get_args(BackendErrorKind)
USED = TokenUsage(input_tokens=10, output_tokens=5)


class Part(LLMBackend):
    """Plays a list of chunks; an exception among them is raised, a number is a wait."""

    def __init__(
        self, name: str, *chunks: StreamChunk | Exception | float, price: float = 0.0
    ) -> None:
        super().__init__()
        self.model = name
        self._chunks, self._price = chunks, price
        self.log: list[str] = []

    @property
    def provider_name(self) -> str:
        return "part"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        self.log.append(f"asked {messages[0].text} {params}")
        try:
            for chunk in self._chunks:
                if isinstance(chunk, float):
                    await asyncio.sleep(chunk)
                elif isinstance(chunk, Exception):
                    raise chunk
                else:
                    if isinstance(chunk, UsageChunk):
                        self.track_usage(chunk.usage)
                    yield chunk
        finally:
            self.log.append("closed")

    async def prepare(self) -> None:
        self.log.append("prepared")

    async def aclose(self) -> None:
        self.log.append("shut")

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        if self._price < 0:
            raise RuntimeError("no price")
        return self._price * usage.output_tokens


def good(name: str = "second", price: float = 0.0) -> Part:
    """Return a backend that answers."""
    return Part(name, ContentChunk("Yes."), UsageChunk(USED), DoneChunk(), price=price)


def said(backend: LLMBackend, **params: Any) -> list[StreamChunk]:
    """Return what a backend answers to one request."""

    async def scenario() -> list[StreamChunk]:
        stream = backend.stream_with_tools([HumanMessage("Q?")], [], **params)
        return [chunk async for chunk in stream]

    return run_virtual(scenario())


def texts(chunks: Sequence[StreamChunk]) -> list[str]:
    """Return the pieces of text."""
    return [chunk.content for chunk in chunks if isinstance(chunk, ContentChunk)]


Fails = Callable[[BackendError], StreamChunk | BackendError]


@pytest.mark.parametrize("fails", [ErrorChunk, lambda error: error], ids=["chunk", "raised"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_fails_has_a_fallback(
    kind: BackendErrorKind, fails: Fails, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of any kind before the first word, told or raised: the other one answers."""
    first = Part("first", AgentStatusChunk("thinking"), fails(error_class(kind)("Oh no.")))
    second = good()
    with caplog.at_level(logging.WARNING, logger="massgraph"):
        chunks = said(FallbackBackend(first, second), seed=3)
    told = f"part:first failed ({kind}): part:second is asked"
    assert chunks[:3] == [
        AgentStatusChunk("thinking"), AgentStatusChunk(told), ContentChunk("Yes."),
    ]  # fmt: skip
    assert chunks[-1] == DoneChunk()
    assert caplog.messages == [f"{told}. It said: Oh no."]
    assert first.log == second.log == ["asked Q? {'seed': 3}", "closed"]


def test_who_answers_needs_no_fallback() -> None:
    """The fallback is not asked, and what the first one says comes as it is."""
    first, second = good("first"), good()
    assert texts(said(FallbackBackend(first, second))) == ["Yes."]
    assert second.log == []


def test_after_the_first_word_it_is_too_late() -> None:
    """A stream that breaks in the middle has failed, whoever it was."""
    error = OverloadedError("Cut.")
    broken = Part("broken", ContentChunk("Ye"), error)
    second = good()
    with pytest.raises(OverloadedError) as caught:
        said(FallbackBackend(broken, second))
    assert caught.value is error
    assert second.log == []
    with pytest.raises(OverloadedError) as caught:
        said(FallbackBackend(Part("first", OverloadedError("1")), broken))
    assert caught.value is error


def test_a_stream_of_nothing_has_failed() -> None:
    """Who ends without a word has not answered."""
    for first in (Part("first"), Part("first", AgentStatusChunk("thinking"))):
        assert texts(said(FallbackBackend(first, good()))) == ["Yes."]


def test_a_mistake_of_yours_has_no_fallback() -> None:
    """What no provider has said is told as it is."""
    second = good()
    with pytest.raises(UserError, match="yours"):
        said(FallbackBackend(Part("first", UserError("yours")), second))
    assert second.log == []


@pytest.mark.parametrize(
    ("first", "second", "raised", "retry_after"),
    [
        ("auth", "bad_request", "bad_request", 2.0),
        ("auth", "overloaded", "overloaded", 2.0),
        ("rate_limit", "overloaded", "overloaded", 2.0),
        ("rate_limit", "auth", "rate_limit", 1.0),
    ],
)
def test_both_fail(
    first: BackendErrorKind, second: BackendErrorKind, raised: str, retry_after: float
) -> None:
    """Both are named; the error is worth another try where one of both is."""
    error = error_class(first)("Oh no", retry_after=1.0, status=401)
    other = error_class(second)("Oh dear.", retry_after=2.0, status=402)
    with pytest.raises(BackendError) as caught:
        said(FallbackBackend(Part("first", error), Part("second", other)))
    assert str(caught.value) == (
        "part:first failed: Oh no. Its fallback part:second failed, too: Oh dear."
    )
    assert (caught.value.kind, caught.value.retry_after) == (raised, retry_after)
    assert caught.value.__cause__ is error


def test_what_it_costs() -> None:
    """Who answered tells the price, and both are counted."""
    first = Part("first", UsageChunk(USED), OverloadedError("Late."), price=1.0)
    backend = FallbackBackend(good("first", price=1.0), good(price=2.0))
    assert UsageChunk(TokenUsage(10, 5, estimated_cost=5.0)) in said(backend)
    backend = FallbackBackend(Part("first", OverloadedError("1"), price=1.0), good(price=2.0))
    (used,) = [chunk.usage for chunk in said(backend) if isinstance(chunk, UsageChunk)]
    assert backend.calculate_cost(used) == 10.0
    both = FallbackBackend(first, good(price=2.0))
    *_, last = [chunk.usage for chunk in said(both) if isinstance(chunk, UsageChunk)]
    assert last == TokenUsage(20, 10, estimated_cost=15.0), "what the first one told is paid, too"
    assert both.token_usage.input_tokens == 20
    both.reset_token_usage()
    assert both.token_usage == TokenUsage()


def test_a_price_that_cannot_be_told() -> None:
    """An answer is not lost for want of its price."""
    chunks = said(FallbackBackend(good("first", price=-1.0), good()))
    assert UsageChunk(USED) in chunks


def test_both_are_prepared_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    """What a provider says while it is prepared is for the requests; your mistakes are told."""

    class Unprepared(Part):
        error: Exception

        async def prepare(self) -> None:
            raise self.error

    first, second = Unprepared("first"), good()
    backend = FallbackBackend(first, second)
    first.error = OverloadedError("Not now.")
    run_virtual(backend.prepare())
    assert caplog.messages == ["part:first could not be prepared: Not now."]
    first.error = UserError("Mistaken.")
    with pytest.raises(UserError, match="Mistaken"):
        run_virtual(backend.prepare())
    run_virtual(backend.aclose())
    assert (first.log, second.log) == (["shut"], ["prepared", "prepared", "shut"])


def test_it_is_its_primary() -> None:
    """To the outside it is the first one, but for its account."""
    backend = FallbackBackend(good("first"), good())
    assert (backend.provider_name, backend.model) == ("part", "first")
    assert backend.account not in {backend.backend.account, backend.fallback.account}


def test_a_cancelled_request_reaches_whoever_is_asked() -> None:
    """Whichever of the two is at work is closed at once."""

    async def scenario(backend: FallbackBackend, asked: Part) -> None:
        async def ask() -> None:
            async for _ in backend.stream_with_tools([HumanMessage("Q?")], []):
                pass

        task = asyncio.create_task(ask())
        await asyncio.sleep(1)
        assert asked.log == ["asked Q? {}"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert asked.log == ["asked Q? {}", "closed"]

    slow = Part("slow", 100.0, DoneChunk())
    run_virtual(scenario(FallbackBackend(slow, good()), slow))
    slow = Part("slow", 100.0, DoneChunk())
    run_virtual(scenario(FallbackBackend(Part("first", OverloadedError("1")), slow), slow))


async def test_a_wrong_key(caplog: pytest.LogCaptureFixture) -> None:
    """A real server refuses a key: the agent answers all the same, and the key stays secret."""
    refused = [http_error(401, "Incorrect API key provided: sk-wrong-1234.")]
    draft = [answer(calls=[("new_answer", {"content": "9.9"})])]
    async with LoopbackServer({"m": refused, "n": draft}) as server:
        there = {"type": "chat_completions", "base_url": server.base_url}
        agent = Agent(
            "alice",
            {**there, "model": "m", "api_key": "sk-wrong-1234"},
            fallback={**there, "model": "n"},
        )
        async with Team([agent], Policy(attempts=1)) as team:
            events = [event async for event in team.astream("Which is larger?")]
    result = events[-1].result  # type: ignore[union-attr]
    assert (result["answer"], result["failures"]) == ("9.9", {})
    statuses = [event.status for event in events if event.type == "agent_status"]
    told = "chat_completions:m failed (auth): chat_completions:n is asked"
    assert {status for status in statuses if "loading" not in status} == {told}
    assert "sk-wrong" not in f"{events}{caplog.messages}{agent!r}{agent.build_backend()!r}"


def test_the_forms_of_a_fallback() -> None:
    """It is named in the ways in which a backend is named, and as early refused."""
    mine = ScriptedBackend([{"new_answer": "x"}])
    mapping = {"type": "scripted", "turns": [{"new_answer": "x"}]}
    for fallback in (ScriptedBackend([{"new_answer": "x"}]), mapping):
        built = Agent("alice", mine, fallback=fallback).build_backend()
        assert isinstance(built, FallbackBackend)
        assert isinstance(built.fallback, ScriptedBackend)
    assert Agent("alice", mine).build_backend() is mine
    with pytest.raises(UserError, match="Unknown provider 'clod'"):
        Agent("alice", mine, fallback="clod:x")


class Paused(Part):
    """A backend whose provider wants to be left alone."""

    pause = 0.0

    @property
    def pause_s(self) -> float:
        """Seconds."""
        return self.pause


@pytest.mark.parametrize(("pause", "asked"), [(0.5, 1), (30.0, 0)])
def test_a_long_pause_is_not_waited_for(pause: float, asked: int) -> None:
    """While the first one's provider wants a longer pause, the fallback is asked at once."""
    first = Paused("first", ContentChunk("first"), DoneChunk())
    first.pause = pause
    second = Part("second", ContentChunk("second"), DoneChunk())
    backend = FallbackBackend(first, second)
    texts = [chunk.content for chunk in said(backend) if isinstance(chunk, ContentChunk)]
    assert texts == (["first"] if asked else ["second"])
    assert backend.pause_s == pause
