"""The events of a `/v1/messages` stream: what is used of them.

Unknown keys, events and blocks are passed over; what has the wrong type is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wire import Wire, check_text
from .usage import Usage


class Container(Wire):
    """Where code runs on Anthropic's side."""

    id: str


class StopDetails(Wire):
    """Why the model declined."""

    explanation: str | None = None


class Message(Wire):
    """A message as it starts."""

    usage: Usage | None = None
    container: Container | None = None


class Block(Wire):
    """A block of content as it starts; what it holds is kept as it came."""

    type: str
    id: str = ""
    name: str = ""
    text: str = ""
    thinking: str = ""
    input: dict[str, Any] | None = None
    tool_use_id: str = ""


class Delta(Wire):
    """A piece of a block, or the end of the message."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    citation: dict[str, Any] | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    container: Container | None = None


class Event(Wire):
    """Any event."""

    type: str = ""
    index: int = -1
    message: Message = Message()
    content_block: Block | None = None
    delta: Delta = Delta()
    usage: Usage | None = None


_KNOWN = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
)


def event_of(frame: Mapping[str, Any]) -> Event:
    """Return a frame as an event; one of an unknown type says nothing.

    Raises:
        pydantic.ValidationError: When something in it has the wrong type.
        MalformedResponseError: When it holds half a character anywhere: that could be neither
            stored nor sent back.
    """
    if frame.get("type") not in _KNOWN:
        return Event()
    check_text(frame)
    return Event.model_validate(frame)
