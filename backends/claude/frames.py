"""The stream of `/v1/messages`, read as chunks.

A turn may be several answers: where the server pauses, the request goes on, and so does the turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..builtin import BuiltinToolResult
from ..chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    ContentChunk,
    DoneChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from ..echo import echo
from ..errors import IncompleteStreamError, MalformedResponseError
from ..prices import Tariff
from .blocks import OpenBlock
from .events import Block, Container, Event, event_of
from .results import citation_of, is_result, result_of, underway
from .usage import Spent, Usage

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    "pause_turn": "length",  # paused once too often
}


class FrameReader:
    """Reads the events of one turn, in order.

    Args:
        tariff: What it costs.
        writer: Who writes, for the echo.
        digest: What stands before the answer, for the echo.
        spent: What the turn uses.
    """

    def __init__(self, tariff: Tariff, *, writer: str, digest: str, spent: Spent) -> None:
        self._tariff, self._writer, self._digest, self._spent = tariff, writer, digest, spent
        self._content: list[dict[str, Any]] = []  # of all answers of the turn
        self._open: dict[int, OpenBlock] = {}
        self._calls: list[dict[str, Any]] = []
        self._uses: dict[str, dict[str, Any]] = {}
        self._cited: set[str] = set()
        self._whole = True
        self._stop: str | None = None
        self._explanation = ""
        self._told = True
        self.began = False
        """Whether an answer has begun."""
        self.ended = False
        """Whether it has come to its end."""
        self.container: str | None = None
        """The container that code has run in."""

    @property
    def paused(self) -> bool:
        """Whether the server waits for the request to go on."""
        return self.ended and self._stop == "pause_turn"

    def go_on(self) -> None:
        """Begin the next answer of the turn."""
        self.began = self.ended = False
        self._stop = None
        self._spent.begin()

    def read(self, frame: Mapping[str, Any]) -> Iterator[StreamChunk]:
        """Yield what an event says.

        Raises:
            pydantic.ValidationError: When something in it has the wrong type.
            MalformedResponseError: When it does not fit the events before it.
        """
        event = event_of(frame)
        match event.type:
            case "message_start":
                self.began = True
                self._ran_in(event.message.container)
                self._use(event.message.usage)
            case "content_block_start" if event.content_block is not None:
                yield from self._usage()  # not before: a call that has said nothing is repeated
                yield from self._start(event.index, event.content_block, frame["content_block"])
            case "content_block_delta":
                yield from self._add(event)
            case "content_block_stop":
                yield from self._close(event.index)
            case "message_delta":
                yield from self._end(event)
            case "message_stop":
                for index in [*self._open]:
                    yield from self._close(index)
                self.ended = True
            case _:
                pass  # a ping, or an event of the future

    def done(self) -> Iterator[StreamChunk]:
        """Yield the end of the turn, once the stream has ended.

        Raises:
            IncompleteStreamError: When its terminal event has not come.
        """
        if not self.ended:
            raise IncompleteStreamError("The stream ended before the answer did.")
        finish = _FINISH_REASONS.get(self._stop or "", "other")
        if finish == "refusal" and self._explanation:
            yield ContentChunk(("\n\n" if self._text() else "") + self._explanation)
        elif finish != "refusal" and self._must_go_back():
            yield CompleteMessageChunk(self._echo())
        yield DoneChunk("tool_calls" if self._calls and finish == "stop" else finish)

    # --- blocks -------------------------------------------------------------------------------

    def _start(self, index: int, block: Block, raw: Mapping[str, Any]) -> Iterator[StreamChunk]:
        if not self.began:
            raise MalformedResponseError("A block of content came before its message.")
        content = {"text": "", **raw} if block.type == "text" else dict(raw)
        self._content.append(content)
        opened = self._open[index] = OpenBlock(content)
        if block.type == "tool_use":
            opened.call = len(self._calls)
            self._calls.append(content)
            given = json.dumps(block.input, ensure_ascii=False) if block.input else ""
            yield ToolCallDeltaChunk(opened.call, block.id or None, block.name, given)
        elif block.type == "server_tool_use":
            self._uses[block.id] = content
            yield AgentStatusChunk(underway(block.name))
        elif is_result(content):
            use = self._uses.get(block.tool_use_id, {})
            yield BuiltinToolResultsChunk((result_of(content, use),))
        if block.text:
            yield ContentChunk(block.text)
        if block.thinking:
            yield ReasoningChunk(block.thinking)

    def _add(self, event: Event) -> Iterator[StreamChunk]:
        opened, delta = self._open.get(event.index), event.delta
        if opened is None:
            raise MalformedResponseError("A piece of content came without its block.")
        opened.add(delta)
        if delta.text:
            yield ContentChunk(delta.text)
        if delta.thinking:
            yield ReasoningChunk(delta.thinking)
        if delta.partial_json and opened.call is not None:
            yield ToolCallDeltaChunk(opened.call, arguments=delta.partial_json)

    def _close(self, index: int) -> Iterator[StreamChunk]:
        opened = self._open.pop(index, None)
        if opened is None:
            raise MalformedResponseError("A block of content ended that had not begun.")
        self._whole &= opened.close()
        block = opened.content
        if block["type"] == "thinking" and block.get("signature"):
            yield ReasoningChunk("", signature=str(block["signature"]))
        fresh = [*self._fresh(block.get("citations") or ())]
        if fresh:
            yield BuiltinToolResultsChunk(tuple(fresh))

    def _fresh(self, citations: Any) -> Iterator[BuiltinToolResult]:
        """Yield the citations of pages that the turn has not cited yet."""
        for citation in map(citation_of, citations):
            if citation is not None and citation["sources"][0]["url"] not in self._cited:
                self._cited.add(citation["sources"][0]["url"])
                yield citation

    # --- the message --------------------------------------------------------------------------

    def _end(self, event: Event) -> Iterator[StreamChunk]:
        self._stop = event.delta.stop_reason or self._stop
        self._ran_in(event.delta.container)
        if event.delta.stop_details is not None:
            self._explanation = event.delta.stop_details.explanation or ""
        self._use(event.usage)
        yield from self._usage()

    def _use(self, usage: Usage | None) -> None:
        if usage is not None:
            self._spent.read(usage)
            self._told = False

    def _usage(self) -> Iterator[StreamChunk]:
        """Yield what was used, if there is news."""
        if not self._told:
            self._told = True
            used = self._tariff.usage(self._spent.counts())
            standard = self._spent.is_standard
            yield UsageChunk(used if standard else replace(used, estimated_cost=None))

    def _ran_in(self, container: Container | None) -> None:
        if container is not None:
            self.container = container.id
            self._spent.ran_in(container.id)
            self._told = False

    def content(self) -> list[dict[str, Any]]:
        """Return the content so far as it goes back: without blank text, which is refused."""
        return [b for b in self._content if b["type"] != "text" or str(b["text"]).strip()]

    def _text(self) -> str:
        return "".join(str(b["text"]) for b in self._content if b["type"] == "text")

    def _must_go_back(self) -> bool:
        """Return whether the turn is whole, and more than plain text and calls."""
        plain = ("text", "tool_use")
        more = any(b["type"] not in plain or b.get("citations") for b in self._content)
        return self._whole and more and not self.paused

    def _echo(self) -> AIMessage:
        from langchain_core.messages import ToolCall

        calls = [
            ToolCall(name=b["name"], args=b.get("input") or {}, id=b.get("id"), type="tool_call")
            for b in self._calls
        ]
        kept = {"content": self.content(), "behind": self._digest, "container": self.container}
        return echo(self._writer, [kept], self._text(), calls)
