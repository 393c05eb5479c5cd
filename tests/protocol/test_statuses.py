"""What a provider says of itself before it answers: told, a sign of life, and no answer yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from massgraph.backends.chunks import AgentStatusChunk, ErrorChunk, StreamChunk
from massgraph.backends.errors import OverloadedError
from massgraph.nodes.events import AgentStatus, CallRetried

from .stage import Improvised, drafts, play, says


def test_a_request_that_fails_after_a_status_is_sent_again() -> None:
    """A status is not the first chunk: the retry policy holds until the provider says something."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        yield AgentStatusChunk(f"loading {number}")
        if number == 1:
            yield ErrorChunk(OverloadedError("Later."))
        elif number == 2:
            return
        else:
            async for chunk in drafts("A."):
                yield chunk

    played = play(alice=Improvised(act))
    assert played.result.answer == "A."
    assert played.result.usage["alice"].retries == 2
    assert len(played.of(CallRetried, "alice")) == 2
    statuses = [(event.status, event.attempt) for event in played.of(AgentStatus, "alice")]
    assert statuses == [("loading 1", 1), ("loading 2", 2), ("loading 3", 3)]


def test_a_status_is_a_sign_of_life_and_told_once() -> None:
    """Who says the same again and again is not silent, and does not bore those who watch."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        for status in ("waiting", "reading"):
            for _ in range(10):
                await asyncio.sleep(3)
                yield AgentStatusChunk(status)
        async for chunk in drafts("A."):
            yield chunk

    played = play({"idle_timeout_s": 4.0}, alice=Improvised(act))
    assert played.result.answer == "A."
    assert [event.status for event in played.of(AgentStatus)] == ["waiting", "reading"]
    assert played.result.usage["alice"].retries == 0


def test_a_presenter_tells_its_status_too() -> None:
    """While the final answer is awaited, the same holds."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        yield AgentStatusChunk("reading")
        async for chunk in drafts("A.") if tools else says("Final."):
            yield chunk

    played = play({"single": "coordinate"}, alice=Improvised(act))
    assert len(played.of(AgentStatus, "alice")) >= 1
