"""How the contract asks, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import cast

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from massgraph.backends.base import LLMBackend, ToolSchema
from massgraph.backends.chunks import (
    ContentChunk,
    ErrorChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
)
from massgraph.backends.errors import BackendError

TEXT = "Grüße, 世界 🙂👩‍👩‍👧 \\n is no newline, **bold** stays,\n\ttabs\r\nand  spaces too. "
LONG = "A long answer, so that there is something left to stop. " * 40
QUESTION: list[AnyMessage] = [SystemMessage("Be brief."), HumanMessage("What is larger?")]
WEATHER = ToolSchema(
    "weather",
    "Tells the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def call(backend: LLMBackend, *tools: ToolSchema) -> AsyncGenerator[StreamChunk]:
    """Begin a call, and return its stream."""
    stream = backend.stream_with_tools(QUESTION, tools)
    assert hasattr(stream, "aclose")
    return cast("AsyncGenerator[StreamChunk]", stream)


async def collect(
    backend: LLMBackend, *tools: ToolSchema, messages: Sequence[AnyMessage] = QUESTION
) -> list[StreamChunk]:
    """Return all chunks of one call."""
    return [chunk async for chunk in backend.stream_with_tools(messages, tools)]


async def collect_failing(
    backend: LLMBackend, *tools: ToolSchema
) -> tuple[list[StreamChunk], BackendError]:
    """Return the chunks before the error, and the error, be it raised or told in a chunk."""
    chunks: list[StreamChunk] = []
    try:
        async for chunk in backend.stream_with_tools(QUESTION, tools):
            chunks.append(chunk)  # noqa: PERF401 - what came before the error is kept
    except BackendError as error:
        return chunks, error
    last = chunks.pop()
    assert isinstance(last, ErrorChunk), "the call neither raised nor ended in an error"
    return chunks, last.error


async def first_words(stream: AsyncIterator[StreamChunk]) -> None:
    """Read until the model has begun to talk."""
    async with asyncio.timeout(30):
        while not _is_speech(await anext(stream)):
            pass


async def listen(backend: LLMBackend, talking: asyncio.Event, *tools: ToolSchema) -> None:
    """Read a call to its end, and tell when the model has begun to talk."""
    async for chunk in backend.stream_with_tools(QUESTION, tools):
        if _is_speech(chunk):
            talking.set()


def _is_speech(chunk: StreamChunk) -> bool:
    return isinstance(chunk, ContentChunk | ReasoningChunk | ToolCallDeltaChunk | ToolCallsChunk)
