"""Listener: who is told what a call says while it runs, and what is told of which chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..backends.chunks import (
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
from .call_end import CallEnd
from .partial import PartialString


@dataclass(slots=True)
class Listener:
    """What a call tells the outside while it runs; each takes a piece of text.

    Args:
        text: Text outside tool calls.
        reasoning: Reasoning.
        watched: The tool and its string argument that are shown while they are written.
        argument: That argument.
        builtin: A result of one of the provider's own tools.
        retried: Why a request is sent again, and after how many seconds.
        status: What the provider is doing, or what is waited for.
        chunk: Every chunk as it is, before anything else is told of it.
        ended: How the call ended, if it had begun; the last thing that is told of it.
    """

    text: Callable[[str], None]
    reasoning: Callable[[str], None] = lambda _: None
    watched: tuple[str, str] | None = None
    argument: Callable[[str], None] = lambda _: None
    builtin: Callable[[Mapping[str, Any]], None] = lambda _: None
    retried: Callable[[str, float], None] = lambda _, __: None
    status: Callable[[str], None] = lambda _: None
    chunk: Callable[[StreamChunk], None] = lambda _: None
    ended: Callable[[CallEnd], None] = lambda _: None


class Telling:
    """What a listener has been told so far of one call.

    Args:
        listener: Who is told.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._partial = PartialString(listener.watched)
        self._status = ""

    def again(self, why: str, wait_s: float) -> None:
        """Tell that the request is sent again."""
        self._listener.retried(why, wait_s)
        self._status = ""

    def tell(self, chunk: StreamChunk, writing: Callable[[int], str]) -> None:
        """Tell what a chunk says.

        Args:
            chunk: The chunk.
            writing: The name of the call that is written at an index.
        """
        listener = self._listener
        listener.chunk(chunk)
        match chunk:
            case ContentChunk():
                listener.text(chunk.content)
            case ReasoningChunk():
                if chunk.content:  # a signature alone is nothing to show
                    listener.reasoning(chunk.content)
            case ToolCallDeltaChunk():
                self._argument(self._partial.feed(writing(chunk.index), chunk.arguments))
            case ToolCallsChunk():
                for call in chunk.tool_calls:
                    self._argument(self._partial.whole(call["name"], call["args"]))
            case BuiltinToolResultsChunk():
                for result in chunk.builtin_tool_results:
                    listener.builtin(result)
            case AgentStatusChunk():
                self._state(chunk.status)
            case (
                UsageChunk()
                | DoneChunk()
                | ErrorChunk()
                | CompleteMessageChunk()
                | CompleteResponseChunk()
            ):
                pass

    def flush(self) -> None:
        """Tell what is left of the argument that was shown while it was written."""
        self._argument(self._partial.rest())

    def _argument(self, text: str) -> None:
        if text:
            self._listener.argument(text)

    def _state(self, status: str) -> None:
        if status != self._status:  # who waits says so again and again, as a sign of life
            self._status = status
            self._listener.status(status)
