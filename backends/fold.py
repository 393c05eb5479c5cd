"""Fold a stream of chunks into one assistant turn.

The fold is the only place that puts pieces of tool calls together, so an adapter is nothing but a
translating loop, and any re-chunking of the same text and arguments gives the same turn.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never, cast

from .chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from .errors import IncompleteStreamError, MalformedResponseError
from .usage import TokenUsage

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, ToolCall


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model said in one call.

    Args:
        text: Everything it wrote, byte for byte.
        reasoning: Its reasoning, as far as the provider shows it.
        tool_calls: The calls, in the order in which they began, each with an id of its own.
        builtin_tool_results: What the provider's own tools found.
        usage: The last usage that the provider reported; None when it reported none.
        finish_reason: Why it stopped.
        message: The message to echo to the provider next time.
    """

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    builtin_tool_results: tuple[Any, ...]
    usage: TokenUsage | None
    finish_reason: FinishReason
    message: AIMessage


@dataclass(slots=True)
class _CallParts:
    """One tool call while its pieces come in."""

    id: str | None
    name: str = ""
    arguments: io.StringIO = field(default_factory=io.StringIO)
    closed: bool = False
    """Whether the last character that is no space closes an object: all may be there."""
    whole: ToolCall | None = None


class TurnFold:
    """The pieces of one turn so far, joined as they come: kept pieces take ten times their text."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._reasoning = io.StringIO()
        self._calls: list[_CallParts] = []
        self._open: dict[int, _CallParts] = {}
        self._results: list[Any] = []
        self._usage: TokenUsage | None = None
        self._message: AIMessage | None = None
        self._finish: FinishReason | None = None
        self.chars = 0
        """Characters received: what an estimate of a stopped call's tokens is made from."""

    def add(self, chunk: StreamChunk) -> None:
        """Take in the next chunk.

        Raises:
            BackendError: When the chunk is an error.
        """
        match chunk:
            case ContentChunk():
                self._text.write(chunk.content)
                self.chars += len(chunk.content)
            case ReasoningChunk():
                self._reasoning.write(chunk.content)
                self.chars += len(chunk.content)
            case ToolCallDeltaChunk():
                self._add_delta(chunk)
            case ToolCallsChunk():
                for call in chunk.tool_calls:
                    self._add_whole(call)
            case BuiltinToolResultsChunk():
                self._results.extend(chunk.builtin_tool_results)
            case CompleteMessageChunk():
                self._message = chunk.complete_message
            case UsageChunk():
                self._usage = chunk.usage
            case DoneChunk():
                self._finish = chunk.finish_reason
            case ErrorChunk():
                raise chunk.error
            case AgentStatusChunk() | CompleteResponseChunk():
                pass
            case _:
                assert_never(chunk)

    def _add_delta(self, chunk: ToolCallDeltaChunk) -> None:
        parts = self._open.get(chunk.index)
        if parts is None or _begins_another(chunk, parts):
            parts = _CallParts(chunk.id)
            self._open[chunk.index] = parts
            self._calls.append(parts)
        parts.id = parts.id or chunk.id
        parts.name = parts.name or chunk.name or ""
        parts.arguments.write(chunk.arguments)
        if piece := chunk.arguments.rstrip():
            parts.closed = piece[-1] == "}"
        self.chars += len(chunk.arguments)

    def _add_whole(self, call: ToolCall) -> None:
        for parts in self._calls:
            if parts.id is not None and parts.id == call["id"]:
                parts.whole = call
                return
        self._calls.append(_CallParts(call["id"], call["name"], whole=call))
        self.chars += len(json.dumps(call["args"], ensure_ascii=False, default=str))

    def writing(self, index: int) -> str:
        """Return the name of the call that is written at `index`, empty before it is known."""
        parts = self._open.get(index)
        return "" if parts is None else parts.name

    @property
    def usage(self) -> TokenUsage | None:
        """The last usage that the provider reported, also of a turn that has not ended."""
        return self._usage

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the tools whose calls have begun."""
        return tuple(parts.name for parts in self._calls if parts.name)

    def turn(self) -> Turn:
        """Return the finished turn.

        Raises:
            IncompleteStreamError: When no `done` has come.
            MalformedResponseError: When a tool call has no name, its arguments are no object, or
                the text is none.
        """
        if self._finish is None:
            raise IncompleteStreamError("The stream ended without its terminal marker.")
        text = _text(self._text.getvalue())
        calls = self._finished_calls(self._finish)
        return Turn(
            text=text,
            reasoning=self._reasoning.getvalue(),
            tool_calls=calls,
            builtin_tool_results=tuple(self._results),
            usage=self._usage,
            finish_reason=self._finish,
            message=self._echo(calls) or _message(text, calls),
        )

    def _echo(self, calls: tuple[ToolCall, ...]) -> AIMessage | None:
        """Return the provider's own message, unless its calls have other ids than ours now."""
        if self._message is None:
            return None
        ids = [call["id"] for call in self._message.tool_calls]
        return self._message if ids == [call["id"] for call in calls] else None

    def _finished_calls(self, finish: FinishReason) -> tuple[ToolCall, ...]:
        from langchain_core.messages import ToolCall

        calls: list[ToolCall] = []
        seen: set[str] = set()
        for number, parts in enumerate(self._calls):
            name = parts.whole["name"] if parts.whole else parts.name
            if not name:
                raise MalformedResponseError("A tool call came without a name.")
            if parts.whole:
                args = _object(name, parts.whole["args"])
            else:
                args = _arguments(name, parts.arguments.getvalue(), finish)
            call_id = parts.id or f"call_{number}"
            while call_id in seen:
                call_id += "_"
            seen.add(call_id)
            calls.append(ToolCall(name=name, args=args, id=call_id, type="tool_call"))
        return tuple(calls)


def fold(chunks: Iterable[StreamChunk]) -> Turn:
    """Fold all chunks of a finished stream into one turn.

    Raises:
        BackendError: When the stream holds an error, or no `done`, or calls that do not parse.
    """
    state = TurnFold()
    for chunk in chunks:
        state.add(chunk)
    return state.turn()


def _begins_another(chunk: ToolCallDeltaChunk, parts: _CallParts) -> bool:
    """Return whether a piece is of another call than the one that is open at its index.

    Some servers give every call the index 0, some of these no ids either; others put a fresh id,
    but no name, into every piece of one call.
    """
    if not chunk.name or not parts.name or (chunk.id and chunk.id == parts.id):
        return False
    if chunk.id and parts.id:
        return True
    return bool(chunk.arguments) and parts.closed and _is_json(parts.arguments.getvalue())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _arguments(name: str, text: str, finish: FinishReason) -> dict[str, Any]:
    try:
        args: object = json.loads(text, parse_constant=_no_constant) if text.strip() else {}
    except (ValueError, RecursionError) as exc:
        cut = " (cut off at the token limit)" if finish == "length" else ""
        raise MalformedResponseError(
            f"The arguments of {name!r} are not valid JSON{cut}: {exc}"
        ) from exc
    return _object(name, args)


def _object(name: str, args: object) -> dict[str, Any]:
    """Return the arguments, which must be a JSON object of whole characters."""
    if not isinstance(args, dict):
        raise MalformedResponseError(f"The arguments of {name!r} are not a JSON object.")
    try:
        json.dumps(args, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError) as exc:  # half a surrogate pair, or a circle
        raise MalformedResponseError(
            f"The arguments of {name!r} are not valid JSON: {exc}"
        ) from exc
    return cast("dict[str, Any]", args)


def _text(text: str) -> str:
    """Return the text, which must be one: half a surrogate pair can't be sent, nor stored."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise MalformedResponseError(f"The text is no text: {exc}") from exc
    return text


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _message(text: str, calls: tuple[ToolCall, ...]) -> AIMessage:
    from langchain_core.messages import AIMessage

    return AIMessage(content=text, tool_calls=list(calls))
