"""StoredReply: a provider's whole reply as plain JSON, for the journal of runs and for cassettes.

One format serves both: what a run stores so that it never pays twice, a test may play back.
"""

from __future__ import annotations

import dataclasses
import io
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
from .keys import without_keys
from .later import Later
from .usage import TokenUsage

if TYPE_CHECKING:
    from langchain_core import messages as lc
else:
    lc = Later("langchain_core.messages")

REPLY_VERSION = 1

MERGED_S = 0.1
"""Seconds: what comes within this time of the first of its kind is stored as one."""


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
        stopped: Whether it was cut: it took too long, or was silent too long.
    """

    said: tuple[Said, ...]
    retries: int = 0
    lost: TokenUsage = field(default_factory=TokenUsage)
    stopped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the reply as JSON values."""
        return {
            "v": REPLY_VERSION,
            "retries": self.retries,
            "lost": dataclasses.asdict(self.lost),
            "stopped": self.stopped,
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
            lost, stopped = TokenUsage(**given["lost"]), bool(given.get("stopped", False))
            return cls(said, int(given["retries"]), lost, stopped)
        except (KeyError, TypeError, ValueError) as exc:
            raise ValueError(f"no stored reply: {exc}") from exc


class _Growing:
    """A chunk that may still take in what belongs to it."""

    __slots__ = ("at_s", "chunk", "text")

    def __init__(self, at_s: float, chunk: StreamChunk) -> None:
        self.at_s, self.chunk = at_s, chunk
        self.text: io.StringIO | None = None

    def merge(self, chunk: StreamChunk) -> None:
        """Take in a later chunk of the same lane: a text goes on, all else takes the place."""
        piece = _text(chunk)
        if piece is None:
            self.chunk = chunk
            return
        if self.text is None:  # joined as it grows: kept pieces take ten times their text
            self.text = io.StringIO()
            self.text.write(_text(self.chunk) or "")
        self.text.write(piece)

    def said(self) -> Said:
        """Return the chunk, whole."""
        if self.text is None:
            return Said(self.at_s, self.chunk)
        return Said(self.at_s, _with_text(self.chunk, self.text.getvalue()))


class ReplyTape:
    """Takes in the chunks of a call, and gives the reply that is stored.

    What comes within MERGED_S is stored as one chunk for each kind, and for each tool call, however
    they come in turn; the turn that they make is the same.

    Args:
        now: The time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._began = now, now()
        self._said: list[_Growing] = []
        self._open: dict[_Lane, _Growing] = {}

    def take(self, chunk: StreamChunk) -> None:
        """Take in the next chunk."""
        if isinstance(chunk, CompleteResponseChunk):
            return
        at, lane = round(self._now() - self._began, 3), _lane(chunk)
        growing = self._open.get(lane) if lane is not None else None
        if growing is not None and at - growing.at_s <= MERGED_S and _goes_on(chunk, growing.chunk):
            growing.merge(chunk)
            return
        growing = _Growing(at, chunk)
        self._said.append(growing)
        if lane is None:
            self._open.clear()
        else:
            self._open[lane] = growing

    def again(self) -> None:
        """Forget what came: the request is sent again."""
        self._said, self._open = [], {}

    def reply(self, *, retries: int = 0, lost: TokenUsage | None = None) -> StoredReply:
        """Return what came so far as a reply."""
        said = tuple(growing.said() for growing in self._said)
        return StoredReply(said, retries, lost or TokenUsage())


_Lane = tuple[type, int]
"""What tells chunks that may be merged from others: the kind, and the index of a tool call."""


def _lane(chunk: StreamChunk) -> _Lane | None:
    """Return the lane of a chunk; None for one that stands alone, and keeps its place."""
    match chunk:
        case ContentChunk() | ReasoningChunk(signature=None) | UsageChunk() | AgentStatusChunk():
            return type(chunk), 0
        case ToolCallDeltaChunk():
            return type(chunk), chunk.index
        case _:
            return None


def _goes_on(chunk: StreamChunk, first: StreamChunk) -> bool:
    """Return whether a chunk goes on with the first of its lane; another tool call may begin."""
    if not isinstance(chunk, ToolCallDeltaChunk) or not isinstance(first, ToolCallDeltaChunk):
        return True
    if chunk.name:
        return chunk.id is not None and (chunk.id, chunk.name) == (first.id, first.name)
    return chunk.id is None or first.id is not None


def _text(chunk: StreamChunk) -> str | None:
    match chunk:
        case ContentChunk() | ReasoningChunk():
            return chunk.content
        case ToolCallDeltaChunk():
            return chunk.arguments
        case _:
            return None


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
            return {"type": chunk.type, "error": _error_to_dict(chunk.error)}
        case BuiltinToolResultsChunk():
            results = [_plain(result) for result in chunk.builtin_tool_results]
            return {"type": chunk.type, "builtin_tool_results": results}
        case ToolCallsChunk():
            return {"type": chunk.type, "tool_calls": [_plain(call) for call in chunk.tool_calls]}
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
    told: dict[str, Any] = _plain(lc.message_to_dict(chunk.complete_message))
    return told


def _message_from_dict(given: Mapping[str, Any]) -> lc.AIMessage:
    [message] = lc.messages_from_dict([dict(given)])
    if not isinstance(message, lc.AIMessage):
        raise ValueError(f"a complete message of type {message.type!r}")
    return message


def _error_to_dict(error: BackendError) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "message": without_keys(str(error)),  # somebody's own backend may not have minded
        "retry_after": error.retry_after,
        "status": error.status,
    }


def _error_from_dict(given: Mapping[str, Any]) -> BackendError:
    made = error_class(given["kind"])
    return made(given["message"], retry_after=given["retry_after"], status=given["status"])


def _plain(value: Any) -> Any:
    """Return a value as JSON values; what is none becomes text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return str(value)
