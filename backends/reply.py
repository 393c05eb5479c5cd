"""StoredReply: a provider's whole reply as plain JSON, for the journal of runs and for cassettes.

One format serves both: what a run stores so that it never pays twice, a test may play back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from .errors import BackendError, error_class
from .later import Later
from .usage import TokenUsage

if TYPE_CHECKING:
    from langchain_core import messages as lc
else:
    lc = Later("langchain_core.messages")

REPLY_VERSION = 1

MERGED_S = 0.1
"""Pieces of text that come within this time of the first are stored as one."""


@dataclass(frozen=True, slots=True)
class Said:
    """A chunk, and when it came.

    Args:
        at_s: Seconds after the call began.
        chunk: The chunk.
    """

    at_s: float
    chunk: StreamChunk


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A reply, from its first chunk to `done` or `error`.

    Args:
        said: Its chunks, in order; the provider's raw response is not among them.
        retries: Extra requests that it took.
        lost: What the requests before the last one have used.
    """

    said: tuple[Said, ...]
    retries: int = 0
    lost: TokenUsage = field(default_factory=TokenUsage)

    def to_dict(self) -> dict[str, Any]:
        """Return the reply as JSON values."""
        return {
            "v": REPLY_VERSION,
            "retries": self.retries,
            "lost": dataclasses.asdict(self.lost),
            "said": [[said.at_s, chunk_to_dict(said.chunk)] for said in self.said],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> StoredReply:
        """Return the reply that `to_dict` gave.

        Raises:
            ValueError: When it is none, or one of a newer version.
        """
        if given.get("v") != REPLY_VERSION:
            raise ValueError(f"a stored reply of version {given.get('v')!r}")
        try:
            said = tuple(Said(float(at), chunk_from_dict(chunk)) for at, chunk in given["said"])
            return cls(said, int(given["retries"]), TokenUsage(**given["lost"]))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"no stored reply: {exc}") from exc


class ReplyTape:
    """Takes in the chunks of a call, and gives the reply that is stored.

    Args:
        now: The time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._began = now, now()
        self._said: list[Said] = []
        self._pieces: list[str] = []

    def take(self, chunk: StreamChunk) -> None:
        """Take in the next chunk."""
        if isinstance(chunk, CompleteResponseChunk):
            return
        at = round(self._now() - self._began, 3)
        piece = _piece(chunk)
        last = self._said[-1] if self._said else None
        if piece is not None and last is not None and self._pieces:
            if at - last.at_s <= MERGED_S and _continues(chunk, last.chunk):
                self._pieces.append(piece)
                return
        self._close()
        self._said.append(Said(at, chunk))
        self._pieces = [] if piece is None else [piece]

    def again(self) -> None:
        """Forget what came: the request is sent again."""
        self._said, self._pieces = [], []

    def reply(self, *, retries: int = 0, lost: TokenUsage | None = None) -> StoredReply:
        """Return what came so far as a reply."""
        self._close()
        return StoredReply(tuple(self._said), retries, lost or TokenUsage())

    def _close(self) -> None:
        """Put the pieces of the last chunk together."""
        if len(self._pieces) > 1:
            last = self._said[-1]
            self._said[-1] = Said(last.at_s, _with_text(last.chunk, "".join(self._pieces)))
        self._pieces = []


def _piece(chunk: StreamChunk) -> str | None:
    """Return the text of a chunk that may be merged with the next one."""
    match chunk:
        case ContentChunk():
            return chunk.content
        case ReasoningChunk(signature=None):
            return chunk.content
        case ToolCallDeltaChunk():
            return chunk.arguments
        case _:
            return None


def _continues(chunk: StreamChunk, last: StreamChunk) -> bool:
    if isinstance(chunk, ToolCallDeltaChunk):
        same = isinstance(last, ToolCallDeltaChunk) and last.index == chunk.index
        return same and chunk.id is None and chunk.name is None
    return type(chunk) is type(last)


def _with_text(chunk: StreamChunk, text: str) -> StreamChunk:
    if isinstance(chunk, ToolCallDeltaChunk):
        return dataclasses.replace(chunk, arguments=text)
    assert isinstance(chunk, ContentChunk | ReasoningChunk)
    return dataclasses.replace(chunk, content=text)


def chunk_to_dict(chunk: StreamChunk) -> dict[str, Any]:
    """Return a chunk as JSON values.

    Raises:
        ValueError: For the provider's raw response, which is not stored.
    """
    match chunk:
        case CompleteMessageChunk():
            return {"type": chunk.type, "complete_message": _message_to_dict(chunk)}
        case ErrorChunk():
            error = chunk.error
            told = {"kind": error.kind, "message": str(error), "retry_after": error.retry_after}
            return {"type": chunk.type, "error": told}
        case BuiltinToolResultsChunk():
            results = [dict(result) for result in chunk.builtin_tool_results]
            return {"type": chunk.type, "builtin_tool_results": results}
        case ToolCallsChunk():
            return {"type": chunk.type, "tool_calls": [dict(call) for call in chunk.tool_calls]}
        case CompleteResponseChunk():
            raise ValueError("a raw response is not stored")
        case (
            ContentChunk()
            | ReasoningChunk()
            | ToolCallDeltaChunk()
            | AgentStatusChunk()
            | UsageChunk()
            | DoneChunk()
        ):
            return dataclasses.asdict(chunk)


def chunk_from_dict(given: Mapping[str, Any]) -> StreamChunk:
    """Return the chunk that `chunk_to_dict` gave.

    Raises:
        ValueError: When it is none.
    """
    values = dict(given)
    kind = values.pop("type", None)
    match kind:
        case "complete_message":
            return CompleteMessageChunk(_message_from_dict(values["complete_message"]))
        case "error":
            return ErrorChunk(_error_from_dict(values["error"]))
        case "builtin_tool_results":
            return BuiltinToolResultsChunk(tuple(values["builtin_tool_results"]))
        case "tool_calls":
            return ToolCallsChunk(tuple(values["tool_calls"]))
        case "usage":
            return UsageChunk(TokenUsage(**values["usage"]))
        case _:
            plain = _PLAIN.get(str(kind))
            if plain is None:
                raise ValueError(f"no chunk: {kind!r}")
            return plain(**values)


_PLAIN: Mapping[str, Callable[..., StreamChunk]] = {
    "content": ContentChunk,
    "reasoning": ReasoningChunk,
    "tool_call_delta": ToolCallDeltaChunk,
    "agent_status": AgentStatusChunk,
    "done": DoneChunk,
}


def _message_to_dict(chunk: CompleteMessageChunk) -> dict[str, Any]:
    told: dict[str, Any] = lc.message_to_dict(chunk.complete_message)
    return told


def _message_from_dict(given: Mapping[str, Any]) -> lc.AIMessage:
    [message] = lc.messages_from_dict([dict(given)])
    if not isinstance(message, lc.AIMessage):
        raise ValueError(f"a complete message of type {message.type!r}")
    return message


def _error_from_dict(given: Mapping[str, Any]) -> BackendError:
    made = error_class(given["kind"])
    return made(given["message"], retry_after=given["retry_after"])
