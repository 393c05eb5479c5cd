"""Where a stream begins: statuses and figures may come without a reply."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from massgraph.backends.chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    StreamChunk,
    UsageChunk,
    first_said,
)
from massgraph.backends.errors import AuthError, IncompleteStreamError
from massgraph.backends.usage import TokenUsage

STATUS, FIGURES = AgentStatusChunk("waiting"), UsageChunk(TokenUsage(input_tokens=1))


async def streamed(*chunks: StreamChunk) -> AsyncIterator[StreamChunk]:
    """Stream these chunks."""
    for chunk in chunks:
        yield chunk


async def test_the_first_chunk_that_says_something() -> None:
    """What comes before it is handed on at once; what comes after it stays in the stream."""
    stream = streamed(STATUS, FIGURES, ContentChunk("a"), DoneChunk())
    before: list[StreamChunk] = []
    assert await first_said(stream, before.append) == ContentChunk("a")
    assert before == [STATUS, FIGURES]
    assert [chunk async for chunk in stream] == [DoneChunk()]


@pytest.mark.parametrize(
    ("chunks", "error"),
    [((STATUS, ErrorChunk(AuthError("no"))), AuthError), ((STATUS,), IncompleteStreamError)],
    ids=["fails", "ends"],
)
async def test_a_stream_that_does_not_begin(
    chunks: tuple[StreamChunk, ...], error: type[Exception]
) -> None:
    """An error, or an end, before anything is said is raised."""
    with pytest.raises(error):
        await first_said(streamed(*chunks), [].append)
