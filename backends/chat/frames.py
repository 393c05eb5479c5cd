"""The frames of a `/chat/completions` stream, read as chunks.

The models below hold what is used of a frame, as lenient as servers are different: keys that are
missing or null mean nothing, unknown ones are ignored. What has the wrong type is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..chunks import (
    ContentChunk,
    DoneChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from ..errors import IncompleteStreamError
from ..prices import Counts, Tariff
from ..wire import Text, Wire

_FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refusal",
}


class _Function(Wire):
    name: Text | None = None
    arguments: Text | dict[str, Any] | None = None


class _ToolCall(Wire):
    index: int | None = None
    id: Text | None = None
    function: _Function | None = None


class _Delta(Wire):
    content: Text | None = None
    refusal: Text | None = None
    reasoning_content: Text | None = None
    """Reasoning as DeepSeek and others send it; `reasoning` is the same thing elsewhere."""
    reasoning: Text | None = None
    tool_calls: tuple[_ToolCall, ...] | None = None
    function_call: _Function | None = None


class _Choice(Wire):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: Text | None = None


class _Details(Wire):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(Wire):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's name of the cached tokens."""


class _Frame(Wire):
    choices: tuple[_Choice, ...] | None = None
    usage: _Usage | None = None


class FrameReader:
    """Reads the frames of one answer, in order.

    Args:
        tariff: What it costs.
    """

    def __init__(self, tariff: Tariff) -> None:
        self._tariff = tariff
        self._counts: Counts | None = None
        self.began = False
        """Whether a frame has come."""
        self._finish: FinishReason | None = None
        self._refused = False
        self._called = False

    def read(self, frame: Mapping[str, Any]) -> Iterator[StreamChunk]:
        """Yield what a frame says.

        Raises:
            pydantic.ValidationError: When something in it has the wrong type.
        """
        self.began = True
        read = _Frame.model_validate(frame)
        for choice in read.choices or ():
            if choice.index:
                continue  # a second answer, which nobody asked for
            if choice.delta is not None:
                yield from self._read_delta(choice.delta)
            if choice.finish_reason:
                self._finish = _FINISH_REASONS.get(choice.finish_reason, "other")
        if read.usage is not None:
            counts = _counts(read.usage)
            if counts != self._counts:
                self._counts = counts
                yield UsageChunk(self._tariff.usage(counts))

    def _read_delta(self, delta: _Delta) -> Iterator[StreamChunk]:
        reasoning = delta.reasoning_content or delta.reasoning
        if reasoning:
            yield ReasoningChunk(reasoning)
        if delta.content:
            yield ContentChunk(delta.content)
        if delta.refusal:
            self._refused = True
            yield ContentChunk(delta.refusal)
        for position, call in enumerate(delta.tool_calls or ()):
            index = position if call.index is None else call.index
            yield self._piece(index, call.id, call.function or _Function())
        if delta.function_call is not None:
            yield self._piece(0, None, delta.function_call)

    def _piece(self, index: int, call_id: str | None, function: _Function) -> ToolCallDeltaChunk:
        self._called = True
        arguments = function.arguments or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        return ToolCallDeltaChunk(index, call_id, function.name, arguments)

    def done(self) -> DoneChunk:
        """Return the terminal chunk, once the stream has ended.

        Raises:
            IncompleteStreamError: When no frame said why the model stopped.
        """
        if self._finish is None:
            raise IncompleteStreamError("The stream ended before the answer did.")
        if self._refused:
            return DoneChunk("refusal")
        if self._called and self._finish == "stop":
            return DoneChunk("tool_calls")  # many servers call it `stop` all the same
        return DoneChunk(self._finish)


def _counts(usage: _Usage) -> Counts:
    prompt = usage.prompt_tokens or 0
    output = usage.completion_tokens or 0
    sent, received = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = (sent and sent.cached_tokens) or usage.prompt_cache_hit_tokens or 0
    reasoning = (received and received.reasoning_tokens) or 0
    if usage.total_tokens == prompt + output + reasoning:
        output += reasoning  # Grok counts reasoning beside the completion, not in it
    return {
        "input_tokens": prompt,
        "cache_read_tokens": cached,
        "cache_write_tokens": (sent and sent.cache_write_tokens) or 0,
        "output_tokens": output,
        "output_reasoning_tokens": reasoning,
    }
