"""What a LangChain chat model streams, read as chunks."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..builtin import BuiltinKind, BuiltinToolResult, Source, source
from ..chunks import (
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    ContentChunk,
    DoneChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from ..errors import IncompleteStreamError
from ..prices import Counts, Tariff

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.messages.ai import UsageMetadata

_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason")
"""Where integrations say in `response_metadata` why a model stopped."""

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "completed": "stop",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "refusal",
    "refusal": "refusal",
    "safety": "refusal",
    "recitation": "refusal",
    "blocklist": "refusal",
    "prohibited_content": "refusal",
    "spii": "refusal",
}

_KINDS: Mapping[str, BuiltinKind] = {
    "web_search": "web_search",
    "web_fetch": "url_context",
    "url_context": "url_context",
    "code_interpreter": "code_execution",
    "code_execution": "code_execution",
    "bash_code_execution": "code_execution",
}
"""The names of providers' own tools, in LangChain's blocks."""

_INPUT_UNITS: Mapping[str, tuple[str, ...]] = {
    "cache_read": ("cache_read_tokens",),
    "cache_creation": ("cache_write_tokens",),
    "ephemeral_5m_input_tokens": ("cache_write_tokens",),
    "ephemeral_1h_input_tokens": ("cache_write_tokens", "cache_write_1h_tokens"),
    "audio": ("input_audio_tokens",),
}
_OUTPUT_UNITS: Mapping[str, tuple[str, ...]] = {
    "reasoning": ("output_reasoning_tokens",),
    "audio": ("output_audio_tokens",),
}
"""The details of LangChain's usage -> the units of prices that they count towards."""

Block = Mapping[str, Any]


class MessageReader:
    """Reads the messages of one answer, in order, and says at the end what they came to."""

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff
        self._pieces: list[AIMessage] = []
        self._finish: FinishReason | None = None
        self._refused = False
        self._called = False
        self._calls: dict[Hashable, int] = {}

    def read(self, message: AIMessage) -> Iterator[StreamChunk]:
        """Yield what a piece of the answer says."""
        self._pieces.append(message)
        yield from self._read_content(message)
        yield from self._read_calls(message)
        self._finish = _finish_reason(message.response_metadata) or self._finish

    def end(self, *, marked: bool) -> Iterator[StreamChunk]:
        """Yield what is known only when the stream has ended, `done` last.

        Args:
            marked: Whether this model always says why it stopped.

        Raises:
            IncompleteStreamError: When it does, and has not.
        """
        message = self._sum()
        results = builtin_results(message.content_blocks)
        if results:
            yield BuiltinToolResultsChunk(tuple(results))
        if message.usage_metadata:
            counts, priced = _counts(message.usage_metadata)
            used = self._tariff.usage(counts)
            # What a provider's own tools cost is not told.
            known = priced and not results
            yield UsageChunk(used if known else replace(used, estimated_cost=None))
        if self._finish is None and marked:
            raise IncompleteStreamError("The stream ended before the answer did.")
        if all(call["id"] for call in message.tool_calls):  # or results could not name them
            yield CompleteMessageChunk(message)
        yield DoneChunk(self._reason())

    def _read_content(self, message: AIMessage) -> Iterator[StreamChunk]:
        extra = message.additional_kwargs
        if reasoning := extra.get("reasoning_content"):
            yield ReasoningChunk(str(reasoning))
        if isinstance(message.content, str):
            if message.content:
                yield ContentChunk(message.content)
        else:
            for block in cast("list[Block]", message.content_blocks):
                yield from self._read_block(block)
        if refusal := extra.get("refusal"):
            self._refused = True
            yield ContentChunk(str(refusal))

    def _read_block(self, block: Block) -> Iterator[StreamChunk]:
        if block["type"] == "text" and block.get("text"):
            yield ContentChunk(block["text"])
        elif block["type"] == "reasoning":
            text, signature = block.get("reasoning", ""), block.get("extras", {}).get("signature")
            if text or signature:
                yield ReasoningChunk(text, signature)
        elif block["type"] == "non_standard" and block["value"].get("type") == "refusal":
            self._refused = True
            yield ContentChunk(block["value"].get("refusal", ""))

    def _read_calls(self, message: AIMessage) -> Iterator[StreamChunk]:
        pieces: list[Any] | None = getattr(message, "tool_call_chunks", None)
        if pieces is None:  # a model that does not stream gives its whole message at once
            self._called = self._called or bool(message.tool_calls)
            if message.tool_calls:
                yield ToolCallsChunk(tuple(message.tool_calls))
            pieces = [*message.invalid_tool_calls]
        for piece in pieces:
            self._called = True
            yield ToolCallDeltaChunk(
                self._index(piece.get("index"), piece["id"]),
                piece["id"] or None,
                piece["name"] or None,
                piece["args"] or "",
            )

    def _index(self, index: int | str | None, call_id: str | None) -> int:
        """Return which call a piece belongs to: by its index, else by its id, else the last."""
        key: Hashable = index if index is not None else call_id
        if key is None and self._calls:
            return max(self._calls.values())
        return self._calls.setdefault(key, len(self._calls))

    def _sum(self) -> AIMessage:
        from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message

        if not self._pieces:
            raise IncompleteStreamError("The stream ended before it began.")
        first, *rest = self._pieces
        if not isinstance(first, AIMessageChunk):
            return first
        # All at once: to add them one by one takes time with the square of their number.
        whole = first + cast("list[AIMessageChunk]", rest)
        message = message_chunk_to_message(whole)
        assert isinstance(message, AIMessage)
        return message

    def _reason(self) -> FinishReason:
        if self._refused:
            return "refusal"
        if self._called and self._finish in (None, "stop"):
            return "tool_calls"
        return self._finish or "stop"


def _finish_reason(metadata: Mapping[str, Any]) -> FinishReason | None:
    said = next((metadata[key] for key in _FINISH_KEYS if metadata.get(key)), None)
    if said is None and metadata.get("object") == "response":  # OpenAI's Responses
        details = metadata.get("incomplete_details") or {}
        said = details.get("reason") or metadata.get("status")
    return None if said is None else _FINISH_REASONS.get(str(said).lower(), "other")


def _counts(usage: UsageMetadata) -> tuple[Counts, bool]:
    """Return what a call used, in the units of prices, and whether all of it has one."""
    counts = {"input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
    priced = True
    for details, units in (
        (usage.get("input_token_details"), _INPUT_UNITS),
        (usage.get("output_token_details"), _OUTPUT_UNITS),
    ):
        for name, count in (details or {}).items():
            if not isinstance(count, int) or not count:
                continue
            priced = priced and name in units  # others are what OpenAI's service tiers used
            for unit in units.get(name, ()):
                counts[unit] = counts.get(unit, 0) + count
    return counts, priced


def builtin_results(blocks: Iterable[Any]) -> list[BuiltinToolResult]:
    """Return what a provider's own tools found, of LangChain's blocks of a whole message."""
    results: list[BuiltinToolResult] = []
    calls: dict[str, Block] = {}
    for block in cast("Iterable[Block]", blocks):
        if block["type"] == "server_tool_call":
            calls[block["id"]] = block
        elif block["type"] == "server_tool_result":
            results.append(_result(block, calls.get(block["tool_call_id"], {})))
        elif block["type"] == "text":
            results += [
                BuiltinToolResult(type="citation", sources=[_source(mark)])
                for mark in block.get("annotations", ())
                if mark["type"] == "citation" and mark.get("url")
            ]
    return results


def _result(block: Block, call: Block) -> BuiltinToolResult:
    name = str(call.get("name", ""))
    found = block.get("output", "")
    output = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)
    result = BuiltinToolResult(
        type=_KINDS.get(name, "other"), id=block["tool_call_id"], name=name or "builtin"
    )
    args = call.get("args") or {}
    if args.get("query"):
        result["queries"] = [args["query"]]
    if args.get("code"):
        result["code"] = args["code"]
    if block.get("status") == "error":
        result["error"] = output
    else:
        result["output"] = output
    return result


def _source(mark: Block) -> Source:
    return source(mark["url"], mark.get("title"), mark.get("cited_text"))
