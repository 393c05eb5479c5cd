"""What goes over the wire: a request as it came in, and what is sent back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

End = Literal["done", "eof", "drop", "stall"]
"""How a stream ends: with its marker, cleanly but without it, cut off, or never."""
Frame = Mapping[str, Any] | bytes | float
"""A JSON frame, bytes as they are, or a pause in seconds."""

DONE = b"data: [DONE]\n\n"
"""The marker of chat completions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server sends to one request.

    Args:
        status: The HTTP status; None sends no status line, so that the server is silent.
        headers: Headers, over the usual ones.
        body: The whole body of a reply that is no stream.
        frames: The stream, frame by frame, each sent on its own.
        end: How the stream ends.
        closing: The marker, sent at the end if that is `done`.
        newline: How a line of the stream ends.
        delay_s: Seconds before anything is sent.
    """

    status: int | None = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    frames: tuple[Frame, ...] = ()
    end: End = "done"
    closing: tuple[Frame, ...] = (DONE,)
    newline: str = "\n"
    delay_s: float = 0.0

    def cut(self, end: End = "done", *then: Frame, after: int = 2) -> Reply:
        """Return this reply with all that follows its first frames replaced.

        Args:
            end: How the stream ends instead.
            *then: Frames to send before that.
            after: How many frames stay; the first one holds the role alone.
        """
        return replace(self, frames=self.frames[:after] + then, end=end)

    def delayed(self, seconds: float) -> Reply:
        """Return this reply, sent later."""
        return replace(self, delay_s=seconds)


@dataclass(slots=True)
class Request:
    """A request as it came in, and what became of it."""

    path: str
    headers: dict[str, str]
    body: Any
    came_at: float
    disconnected_at: float | None = None
    """When the client hung up before the reply was complete."""
    answered_at: float | None = None
    """When the whole reply had been sent."""
    number: int = 1
    """Which request to this server it is; ids in a reply are made of it."""
    protocol: str = ""
    """`chat`, `responses`, `messages` or `gemini`; empty for a path that is none."""
    model: str = ""


class Refused(str):  # noqa: SLOT000 - a reason like any other, with a status of its own
    """Why a request is refused, with the HTTP status of the refusal."""

    status: int = 400


class Unauthorized(Refused):
    """Refused for want of a key."""

    status = 401


def silence() -> Reply:
    """Return a reply that never comes, on a connection that stays open."""
    return Reply(status=None, end="stall")
