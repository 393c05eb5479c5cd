"""StreamChunk: everything that a provider's stream can say, as a closed union.

`done` is the only terminal of a turn that succeeded, `error` of one that did not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .errors import BackendError as BackendError
from .errors import IncompleteStreamError
from .later import Later
from .usage import TokenUsage as TokenUsage

if TYPE_CHECKING:
    from langchain_core import messages as lc
else:
    lc = Later("langchain_core.messages")

FinishReason = Literal["stop", "tool_calls", "length", "refusal", "other"]


@dataclass(frozen=True, slots=True)
class ContentChunk:
    """A piece of the text that the model writes."""

    content: str
    type: Literal["content"] = field(default="content", init=False)


@dataclass(frozen=True, slots=True)
class ReasoningChunk:
    """A piece of the model's reasoning; `signature` is what its provider wants back."""

    content: str
    signature: str | None = None
    type: Literal["reasoning"] = field(default="reasoning", init=False)


@dataclass(frozen=True, slots=True)
class ToolCallDeltaChunk:
    """A piece of a tool call while it is written.

    Args:
        index: Which call of this turn; pieces with one index belong together.
        id: The provider's id of the call, in the first piece.
        name: The tool's name, in the first piece.
        arguments: A fragment of the JSON text of the arguments.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    type: Literal["tool_call_delta"] = field(default="tool_call_delta", init=False)


@dataclass(frozen=True, slots=True)
class ToolCallsChunk:
    """Whole tool calls, from providers that do not send them in pieces."""

    tool_calls: tuple[lc.ToolCall, ...]
    type: Literal["tool_calls"] = field(default="tool_calls", init=False)


@dataclass(frozen=True, slots=True)
class BuiltinToolResultsChunk:
    """What the provider's own tools (search, code execution) found."""

    builtin_tool_results: tuple[Mapping[str, Any], ...]
    type: Literal["builtin_tool_results"] = field(default="builtin_tool_results", init=False)


@dataclass(frozen=True, slots=True)
class CompleteMessageChunk:
    """The message that must be echoed to the provider next time, vendor extras included."""

    complete_message: lc.AIMessage
    type: Literal["complete_message"] = field(default="complete_message", init=False)


@dataclass(frozen=True, slots=True)
class CompleteResponseChunk:
    """The provider's raw response; it never enters the state."""

    response: Any
    type: Literal["complete_response"] = field(default="complete_response", init=False)


@dataclass(frozen=True, slots=True)
class AgentStatusChunk:
    """A line about what the provider is doing."""

    status: str
    type: Literal["agent_status"] = field(default="agent_status", init=False)


@dataclass(frozen=True, slots=True)
class UsageChunk:
    """What the call has used so far; the last one counts."""

    usage: TokenUsage
    type: Literal["usage"] = field(default="usage", init=False)


@dataclass(frozen=True, slots=True)
class ErrorChunk:
    """The turn failed; nothing follows."""

    error: BackendError
    type: Literal["error"] = field(default="error", init=False)


@dataclass(frozen=True, slots=True)
class DoneChunk:
    """The turn succeeded; nothing follows."""

    finish_reason: FinishReason = "stop"
    type: Literal["done"] = field(default="done", init=False)


StreamChunk = (
    ContentChunk
    | ReasoningChunk
    | ToolCallDeltaChunk
    | ToolCallsChunk
    | BuiltinToolResultsChunk
    | CompleteMessageChunk
    | CompleteResponseChunk
    | AgentStatusChunk
    | UsageChunk
    | ErrorChunk
    | DoneChunk
)


def says_something(chunk: StreamChunk) -> bool:
    """Return whether a chunk is part of a reply: statuses and figures may come without one.

    A request that fails before such a chunk has said nothing that anybody could have acted on.
    """
    return not isinstance(chunk, AgentStatusChunk | UsageChunk)


async def first_said(
    stream: AsyncIterator[StreamChunk], before: Callable[[StreamChunk], None]
) -> StreamChunk:
    """Return the first chunk of a stream that says something; the rest stays in the stream.

    Args:
        stream: A backend's stream.
        before: Takes each chunk that comes before it, at once.

    Raises:
        BackendError: When the stream fails, or ends, before it has begun.
    """
    async for chunk in stream:
        if isinstance(chunk, ErrorChunk):
            raise chunk.error
        if says_something(chunk):
            return chunk
        before(chunk)
    raise IncompleteStreamError("The stream ended before it began.")
