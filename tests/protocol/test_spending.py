"""What a provider has told of its figures counts, whatever becomes of the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from massgraph.backends.chunks import (
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from massgraph.backends.errors import OverloadedError
from massgraph.backends.usage import TokenUsage

from .stage import Improvised, answer, drafts, play, vote

TOLD = UsageChunk(TokenUsage(100, 10, cached_tokens=40, reasoning_tokens=4, estimated_cost=0.5))


async def _cut() -> AsyncIterator[StreamChunk]:
    yield TOLD
    yield ContentChunk("Well, ")
    await asyncio.sleep(1e6)


async def _refused() -> AsyncIterator[StreamChunk]:
    yield TOLD
    yield ErrorChunk(OverloadedError("Later."))


async def _broken() -> AsyncIterator[StreamChunk]:
    yield ContentChunk("Well, ")
    yield TOLD
    yield ErrorChunk(OverloadedError("Later."))


async def _malformed() -> AsyncIterator[StreamChunk]:
    yield ToolCallDeltaChunk(0, id="a", name="new_answer", arguments="{oops")
    yield TOLD
    yield DoneChunk("tool_calls")


@pytest.mark.parametrize("fails", [_cut, _refused, _broken, _malformed])
def test_a_call_that_came_to_nothing_is_paid_all_the_same(fails: object) -> None:
    """Tokens and money of a call that was cut, refused, broken or malformed are in the sum."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            async for chunk in fails():  # type: ignore[operator]
                yield chunk
            return
        yield TOLD
        async for chunk in drafts("A."):
            yield chunk

    played = play({"call_timeout_s": 5.0}, alice=Improvised(act))
    assert played.result.answer == "A."
    usage = played.result.usage["alice"]
    assert (usage.input_tokens, usage.output_tokens) == (200, 20)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (80, 8)
    assert usage.cost_usd == 1.0
    assert played.result.total.cost_usd == 1.0


def test_a_call_that_was_released_is_paid_as_far_as_it_told() -> None:
    """Who is stopped by a peer's answer has cost what its provider had told by then."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            async for chunk in drafts("First."):
                yield chunk
            return
        yield TOLD
        await asyncio.sleep(5.0)
        async for chunk in drafts("First."):
            yield chunk

    second = [answer("One."), answer("Two.", delay=1.0), vote(), vote()]
    played = play({"max_answers_per_agent": 2, "attempts": 1}, alice=Improvised(act), bob=second)
    usage = played.result.usage["alice"]
    assert usage.stopped >= 1
    assert usage.input_tokens >= 100
    assert usage.cost_usd is not None
    assert usage.cost_usd >= 0.5
