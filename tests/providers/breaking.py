"""How a reply is broken, whatever protocol it is in.

Each function returns a `Play`: what is said to a request. It begins with the whole answer as the
request's own protocol has it, so that one fault is the same fault for every provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..wire.reply import End, Frame, Reply, Request
from ..wire.routes import protocol_of
from ..wire.server import Said
from ..wire.turn import ErrorKind, HttpError, WireTurn

Play = Callable[[Request], Said]
Swap = Callable[[str | None, Any], Any]
"""From the key (None in a list) and the value to the value that is sent instead."""

TEXT = "Hello, you over there."
FIRST = "Hello, y"
"""What the first frame with text holds."""
WEATHER = ("weather", {"city": "Ulm"})

_DELTAS = {
    "responses": "response.output_text.delta",
    "messages": "content_block_delta",
}
"""The name of an event that holds a piece of text, where events have names."""


def encoded(request: Request, **turn: Any) -> Reply:
    """Return a turn as the request's protocol has it; one with some text if nothing is said."""
    return protocol_of(request).encode(WireTurn(**({"text": TEXT} | turn)), request)


def whole(**turn: Any) -> Play:
    """Say a turn as it is."""
    return lambda request: encoded(request, **turn)


def refuse(status: int, **said: Any) -> Play:
    """Refuse the request, as its provider does."""
    return lambda _: HttpError(status=status, **said)


def body(status: int, content: bytes, content_type: str = "application/json") -> Play:
    """Send a whole body."""
    return lambda _: Reply(status=status, body=content, headers={"Content-Type": content_type})


def native(**plays: Play) -> Play:
    """Play what the request's provider does: by protocol, or `grok`."""

    def play(request: Request) -> Said:
        grok = request.path.startswith("/xai/") and "grok" in plays
        return plays["grok" if grok else request.protocol](request)

    return play


def fails(kind: ErrorKind, **turn: Any) -> Play:
    """Say all, and then that it went wrong."""
    return whole(error=kind, **turn)


def cut(end: End, *frames: Frame) -> Play:
    """Say the first words, then these frames, and end in this way."""

    def play(request: Request) -> Reply:
        reply = encoded(request)
        kept = reply.frames[: _spoken(reply)]
        return replace(reply, frames=(*kept, *frames), end=end)

    return play


def insert(content: bytes | Callable[[Request], Frame]) -> Play:
    """Put a frame behind the first words: the data of a frame that holds text, or a frame."""

    def play(request: Request) -> Reply:
        reply = encoded(request)
        frame = raw(request, content) if isinstance(content, bytes) else content(request)
        at = _spoken(reply)
        return replace(reply, frames=(*reply.frames[:at], frame, *reply.frames[at:]))

    return play


def changed(swap: Swap, **turn: Any) -> Play:
    """Say a turn in which some values are others."""

    def play(request: Request) -> Reply:
        reply = encoded(request, **turn)
        return replace(
            reply,
            frames=tuple(_swapped(None, frame, swap) for frame in reply.frames),
            closing=tuple(_swapped(None, frame, swap) for frame in reply.closing),
        )

    return play


def rewritten(change: Callable[[Reply], Reply]) -> Play:
    """Say the answer, changed as a whole."""
    return lambda request: change(encoded(request))


def at_key(*names: str, to: Any) -> Swap:
    """Change the value of keys."""
    return lambda key, value: to if key in names else value


def without(*names: str) -> Swap:
    """Leave keys out."""

    def swap(_: str | None, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: inner for key, inner in value.items() if key not in names}

    return swap


def at_text(to: Any) -> Swap:
    """Change the first piece of text."""
    return lambda _, value: to if value == FIRST else value


def same_ids(_key: str | None, value: Any) -> Any:
    """Give all calls one id."""
    made = isinstance(value, str) and re.fullmatch(r"(call|toolu|fc)_\w+", value)
    return "call_1" if made else value


def raw(request: Request, data: bytes) -> bytes:
    """Return data as the event with which the protocol sends a piece of text."""
    name = _DELTAS.get(request.protocol)
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


def strange(request: Request) -> Frame:
    """Return an event that is not invented yet."""
    names = {"responses": "response.hologram.delta", "messages": "hologram_delta"}
    kind = {"type": names[request.protocol]} if request.protocol in names else {}
    return {**kind, "hologram": [1, 2], "sequence_number": 99}


def unheard_of(request: Request) -> Frame:
    """Return a known event that holds what is not invented yet."""
    hologram = {"type": "hologram", "id": "h", "hologram": {"size": 3}}
    frames: Mapping[str, Frame] = {
        "chat": {"choices": [{"index": 0, "delta": {"hologram": hologram}}]},
        "responses": {"type": "response.output_item.added", "output_index": 7, "item": hologram},
        "messages": {"type": "content_block_start", "index": 7, "content_block": hologram},
        "gemini": {"candidates": [{"index": 0, "content": {"parts": [{"hologram": hologram}]}}]},
    }
    return frames[request.protocol]


def dripping(reply: Reply) -> Reply:
    """Send every byte on its own."""
    sent = b"".join(written(frame, reply.newline) for frame in (*reply.frames, *reply.closing))
    drops = tuple(sent[at : at + 1] for at in range(len(sent)))
    return replace(reply, frames=drops, closing=())


def half_a_frame(reply: Reply) -> Reply:
    """Cut the connection in the middle of the frame behind the first words."""
    at = _spoken(reply)
    half = written(reply.frames[at], reply.newline)
    return replace(reply, frames=(*reply.frames[:at], half[: len(half) // 2]), end="drop")


def twice_the_end(reply: Reply) -> Reply:
    """Say the end twice."""
    return replace(reply, closing=(*reply.closing, *reply.closing))


def talks_on(reply: Reply) -> Reply:
    """Go on to talk behind the end."""
    return replace(reply, closing=(*reply.closing, *reply.frames[-1:]))


def stays(reply: Reply) -> Reply:
    """Say the end, and then neither go on nor hang up."""
    return replace(reply, frames=(*reply.frames, *reply.closing), end="stall")


def written(frame: Frame, newline: str) -> bytes:
    """Return a frame as it goes over the wire."""
    if isinstance(frame, bytes):
        return frame
    assert isinstance(frame, Mapping)
    name = f"event: {frame['type']}{newline}" if "type" in frame else ""
    return f"{name}data: {json.dumps(frame)}{newline}{newline}".encode()


def _spoken(reply: Reply) -> int:
    """Return how many frames there are up to the first words."""
    return next(at for at, frame in enumerate(reply.frames, 1) if FIRST in json.dumps(frame))


def _swapped(key: str | None, value: Any, swap: Swap) -> Any:
    value = swap(key, value)
    if isinstance(value, Mapping):
        return {inner: _swapped(inner, each, swap) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_swapped(None, each, swap) for each in value]
    return value
