"""One call of chat completions: a request is sent, and its frames are read as chunks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..chunks import StreamChunk
from ..endpoint import Endpoint
from ..failures import Dialect, check_stream, frame_error
from ..openai_sdk.errors import OPENAI
from ..prices import Tariff
from ..wire import as_object
from .frames import FrameReader

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream


async def chat_chunks(
    client: AsyncOpenAI,
    at: Endpoint,
    body: Mapping[str, Any],
    tariff: Tariff,
    dialect: Dialect = OPENAI,
) -> AsyncGenerator[StreamChunk]:
    """Send a request and yield what comes back, `done` last.

    Args:
        client: The client.
        at: The server, and its key.
        body: The request.
        tariff: What it costs.
        dialect: How the server says that something failed.

    Raises:
        BackendError: When the stream is none, or tells of an error, or ends too early.
        openai.OpenAIError: When the SDK says that the call failed.
    """
    reader = FrameReader(tariff)
    async with await _send(client, body) as stream:
        async for frame in stream:
            for chunk in _read(frame, at, reader, dialect):
                yield chunk
        if not reader.began:
            check_stream(at, stream.response.headers.get("content-type", ""))
    yield reader.done()


async def _send(client: AsyncOpenAI, body: Mapping[str, Any]) -> AsyncStream[object]:
    from openai import AsyncStream

    # The frames are read as they are: servers send more than the SDK's own types know.
    return await client.post(
        "/chat/completions",
        cast_to=object,
        body=body,
        options={"security": {"bearer_auth": True}},
        stream=True,
        stream_cls=AsyncStream[object],
    )


def _read(
    frame: object, at: Endpoint, reader: FrameReader, dialect: Dialect
) -> Iterator[StreamChunk]:
    said = as_object(frame)
    if said.get("object") == "error":  # vLLM; `{"error": ...}` is raised by the SDK
        raise frame_error(said, at, dialect)
    return reader.read(said)
