"""A limited backend: its calls wait, tell that they wait, and share what their key allows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

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
from massgraph.backends.errors import OverloadedError, RateLimitError, UserError
from massgraph.backends.limited import OUTPUT_TOKENS, LimitedBackend
from massgraph.backends.limits import Limits
from massgraph.backends.registry import backend_from_config, build_backend
from massgraph.backends.scripted import ScriptedBackend
from massgraph.backends.usage import TokenUsage
from massgraph.nodes.events import AgentStatus, Event
from tests.vloop import run_virtual

from .loopback import LoopbackServer, Request, http_error, text

QUESTION: list[AnyMessage] = [HumanMessage("Q?")]


class Part(LLMBackend):
    """Answers after a second, each time with the next of these chunks."""

    def __init__(self, *replies: StreamChunk, account: str = "") -> None:
        super().__init__()
        self._replies = list(replies)
        self._account = account
        self.began: list[float] = []
        self.closed = 0

    @property
    def provider_name(self) -> str:
        return "part"

    @property
    def account(self) -> str:
        return self._account or super().account

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        self.began.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(1)
            yield self._replies.pop(0) if self._replies else ContentChunk("Yes.")
            yield DoneChunk()
        finally:
            self.closed += 1


async def said(backend: LLMBackend) -> list[StreamChunk]:
    """Return what a backend answers to one request."""
    return [chunk async for chunk in backend.stream_with_tools(QUESTION, [])]


def test_a_waiting_call_says_so() -> None:
    """It tells every second that it waits, and goes on as soon as it may."""

    async def scenario() -> list[StreamChunk]:
        inner = Part(account="api.example.com (1)")
        backend = LimitedBackend(inner, {"concurrent_calls": 1})
        first = asyncio.create_task(said(backend))
        await asyncio.sleep(0)
        second = asyncio.create_task(said(backend))
        await asyncio.sleep(0)
        third = await said(backend)
        await asyncio.gather(first, second)
        assert inner.began == [0.0, 1.0, 2.0]
        return third

    told = AgentStatusChunk("waiting for the rate limits of api.example.com")
    *statuses, content, done = run_virtual(scenario())
    assert (content, done) == (ContentChunk("Yes."), DoneChunk())
    assert set(statuses) == {told}


def test_the_place_is_held_until_the_stream_is_closed() -> None:
    """A call that is not over holds its slot, and one that is closed gives it back at once."""

    async def scenario() -> None:
        inner = Part()
        backend = LimitedBackend(inner, Limits(concurrent_calls=1))
        stream = backend.stream_with_tools(QUESTION, [])
        await anext(stream)
        waiting = asyncio.create_task(said(backend))
        await asyncio.sleep(10)
        assert len(inner.began) == 1
        await stream.aclose()  # type: ignore[attr-defined]
        assert inner.closed == 1
        await waiting
        assert inner.began == [0.0, 11.0]

    run_virtual(scenario())


def test_a_call_that_is_cancelled_while_it_waits() -> None:
    """It is gone at once, was never sent, and nobody waits for it."""

    async def scenario() -> None:
        inner = Part()
        backend = LimitedBackend(inner, {"requests_per_minute": 1})
        await said(backend)
        waiting = [asyncio.create_task(said(backend)) for _ in range(2)]
        await asyncio.sleep(3.5)
        waiting[0].cancel()
        await asyncio.wait({waiting[0]})
        assert asyncio.get_running_loop().time() == 4.5
        await waiting[1]
        assert inner.began == pytest.approx([0, 60], abs=1e-3)

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("reply", "next_at"),
    [
        (ErrorChunk(RateLimitError("Slow.", retry_after=7)), 8.0),
        (ErrorChunk(RateLimitError("Slower.")), 1.0),
        (ErrorChunk(OverloadedError("Later.", retry_after=7)), 1.0),
    ],
)
def test_a_pause_that_the_provider_wants(reply: StreamChunk, next_at: float) -> None:
    """All calls of the account keep it; what the refused call would have used is not counted."""

    assert run_virtual(_pause(reply)) == pytest.approx(next_at, abs=1e-3)


async def _pause(reply: StreamChunk) -> float:
    limits = Limits(tokens_per_minute=OUTPUT_TOKENS + 50)
    one, other = Part(reply, account=repr(reply)), Part(account=repr(reply))
    refused, waits = LimitedBackend(one, limits), LimitedBackend(other, limits)
    with pytest.raises((RateLimitError, OverloadedError)):
        await said(refused)
    await said(waits)
    return other.began[0]


@pytest.mark.parametrize(("used", "next_at"), [(100, 1.0), (OUTPUT_TOKENS + 900, 61.0)])
def test_the_usage_that_is_told_counts(used: int, next_at: float) -> None:
    """The estimate makes room for what the provider counted."""

    async def scenario() -> float:
        inner = Part(UsageChunk(TokenUsage(input_tokens=used - 40, output_tokens=40)))
        backend = LimitedBackend(inner, {"tokens_per_minute": OUTPUT_TOKENS + 120})
        await said(backend)
        await said(backend)
        return inner.began[1]

    assert run_virtual(scenario()) == pytest.approx(next_at, abs=1e-3)


def test_the_estimate() -> None:
    """Messages, calls and tools count by their characters, and the reply by an allowance."""
    backend = LimitedBackend(Part(), {"tokens_per_minute": 1000})
    call = {"name": "add", "args": {"a": "x" * 400}, "id": "1", "type": "tool_call"}
    asked = AIMessage("", tool_calls=[call])
    result = ToolMessage("3", tool_call_id="1")
    messages: list[AnyMessage] = [HumanMessage("x" * 400), asked, result]
    tools = [ToolSchema("add", "y" * 400)]
    expected = backend._expected(messages, tools) - OUTPUT_TOKENS
    assert 300 <= expected <= 330
    assert LimitedBackend(Part(), {})._expected(messages, tools) == 0


def test_who_is_limited_how() -> None:
    """One account has one limiter; limits within limits would wait for themselves."""
    one = LimitedBackend(Part(account="a"), {"concurrent_calls": 1})
    assert LimitedBackend(Part(account="a"), one.limits)._limiter is one._limiter
    assert LimitedBackend(Part(account="b"), one.limits)._limiter is not one._limiter
    assert LimitedBackend(Part(), one.limits)._limiter is not LimitedBackend(Part(), {})._limiter
    with pytest.raises(UserError, match="has limits already"):
        LimitedBackend(one, one.limits)


def test_it_is_the_backend_inside() -> None:
    """All that a backend tells of itself is told by the one inside."""
    inner = ScriptedBackend([{"text": "x", "when": "present"}], model="m")
    backend = LimitedBackend(inner, {"concurrent_calls": 1})
    assert (backend.provider_name, backend.model) == ("scripted", "m")
    assert backend.account == inner.account
    run_virtual(said(backend))
    assert backend.token_usage == inner.token_usage != TokenUsage()
    backend.reset_token_usage()
    assert inner.token_usage == TokenUsage()
    assert repr(backend).endswith(", concurrent_calls: 1)")


def test_limits_of_a_named_backend() -> None:
    """A config's mapping may hold them, for any provider, and so may a call."""
    script = [{"new_answer": "x"}]
    config = {"type": "scripted", "turns": script, "limits": {"concurrent_calls": 3}}
    built = backend_from_config(config)
    assert isinstance(built, LimitedBackend)
    assert built.limits == Limits(concurrent_calls=3)
    assert isinstance(build_backend("scripted", turns=script, limits=None), ScriptedBackend)
    with pytest.raises(UserError, match="requests_per_minute must be a whole number from 1"):
        Agent("alice", {**config, "limits": {"requests_per_minute": 0}})


def test_a_wait_is_no_silence() -> None:
    """An agent that waits for the limits longer than a provider may be silent is not cut."""

    async def scenario() -> list[Event]:
        script = [{"new_answer": "A."}]
        limits = Limits(requests_per_minute=2)
        agents = [Agent("alice", LimitedBackend(ScriptedBackend(script), limits))]
        team = Team(agents, Policy(idle_timeout_s=5))
        await team.arun("One?")
        await team.arun("Two?")
        return [event async for event in team.astream("Three?")]

    events = run_virtual(scenario())
    result = events[-1].result  # type: ignore[union-attr]
    assert (result["answer"], result["failures"]) == ("A.", {})
    assert result["usage"]["alice"]["retries"] == 0
    statuses = [event for event in events if isinstance(event, AgentStatus)]
    assert statuses
    assert len(statuses) <= 2, "it is told once, however long it takes"
    assert events[-1].t > 30


# --- over real connections -----------------------------------------------------------------------


def _config(server: LoopbackServer, **limits: int) -> dict[str, Any]:
    return {
        "type": "chat_completions",
        "model": "m",
        "base_url": server.base_url,
        "api_key": "sk-shared-1234",
        "limits": limits,
    }


async def test_agents_with_one_key_share_its_limit() -> None:
    """Two clients of one key never have more calls open than the key allows; a third may."""
    ended: dict[str, float] = {}
    async with LoopbackServer([text("Yes.").delayed(0.02)]) as server:
        config = _config(server, concurrent_calls=2)
        backends = [backend_from_config(config) for _ in range(2)]

        async def ask(number: int) -> None:
            question: list[AnyMessage] = [HumanMessage(str(number))]
            async for _ in backends[number % 2].stream_with_tools(question, []):
                pass
            ended[str(number)] = time.perf_counter()

        await asyncio.gather(*(ask(number) for number in range(12)))
        for backend in backends:
            await backend.aclose()
    requests = server.requests
    assert len(requests) == 12
    at_once = [
        sum(one.came_at <= this.came_at < ended[_asked(one)] for one in requests)
        for this in requests
    ]
    assert max(at_once) == 2


def _asked(request: Request) -> str:
    return str(request.body["messages"][0]["content"])


async def test_a_refusal_pauses_all_who_share_the_key() -> None:
    """After a 429 with Retry-After, nobody asks before that; then all are answered."""
    async with LoopbackServer([http_error(429, retry_after=0.4), text("Yes.")]) as server:
        one, other = (backend_from_config(_config(server, concurrent_calls=9)) for _ in range(2))
        with pytest.raises(RateLimitError):
            await said(one)
        ends = await asyncio.gather(said(one), said(other), said(other))
        assert all(end[-1] == DoneChunk() for end in ends)
        await asyncio.gather(one.aclose(), other.aclose())
    first, *later = [request.came_at for request in server.requests]
    assert len(later) == 3
    assert min(later) - first >= 0.4
