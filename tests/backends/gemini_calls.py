"""How the tests of Gemini call a server on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.fold import Turn, fold
from massgraph.backends.gemini import GeminiBackend

from ..wire.reply import Frame, Reply
from ..wire.server import LoopbackServer, Script

KEY = "AIzaSyA-very-secret-key-0123456789"
HI: list[AnyMessage] = [HumanMessage("Hi.")]
PICK = ToolSchema(
    "pick",
    "Pick a fruit.",
    {"type": "object", "properties": {"fruit": {"type": "string"}}, "required": ["fruit"]},
)


def warm_up() -> None:
    """Import the SDK, and build its types."""

    async def prepare() -> None:
        backend = GeminiBackend("gemini-3.8-flash", base_url="http://127.0.0.1:9", api_key="k")
        await backend.prepare()
        await backend.aclose()

    asyncio.run(prepare())


def open_backend(
    server: LoopbackServer, model: str = "gemini-3.8-flash", **options: Any
) -> GeminiBackend:
    """Return a backend of the server."""
    return GeminiBackend(model, **{"base_url": server.origin, "api_key": KEY, **options})


async def ask(
    backend: GeminiBackend,
    *tools: ToolSchema,
    messages: Sequence[AnyMessage] = HI,
    **params: Any,
) -> Turn:
    """Return the turn of one call, and close the backend."""
    try:
        chunks = backend.stream_with_tools(messages, tools, **params)
        return fold([chunk async for chunk in chunks])
    finally:
        await backend.aclose()


async def body_of(
    *tools: ToolSchema,
    messages: Sequence[AnyMessage] = HI,
    model: str = "gemini-3.8-flash",
    params: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Return the body that a call sends, which the server accepts."""
    with LoopbackServer([frames(said("ok", finishReason="STOP"))]) as server:
        backend = open_backend(server, model, **options)
        await ask(backend, *tools, messages=messages, **(params or {}))
        assert server.refused == []
    body: dict[str, Any] = server.requests[0].body
    return body


def said(*parts: str | Mapping[str, Any], **candidate: Any) -> dict[str, Any]:
    """Return a frame with these parts (a string is text) in its candidate."""
    made = [{"text": part} if isinstance(part, str) else dict(part) for part in parts]
    return {"candidates": [{"content": {"role": "model", "parts": made}, **candidate}]}


def frames(*made: Frame, **reply: Any) -> Reply:
    """Return a reply that streams these frames and then ends."""
    return Reply(frames=made, closing=(), newline="\r\n", **reply)


async def turn_of(
    script: Script, *tools: ToolSchema, model: str = "gemini-3.8-flash", **options: Any
) -> Turn:
    """Return the turn that a server's replies make."""
    with LoopbackServer(script) as server:
        return await ask(open_backend(server, model, **options), *tools)
