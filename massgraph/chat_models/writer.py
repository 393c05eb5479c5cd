"""A backend's chunks, written as LangChain's messages."""

from __future__ import annotations

from typing import Any, assert_never

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from ..backends.base import LLMBackend
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
    TokenUsage,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from ..backends.errors import IncompleteStreamError
from .blocks import FOUND
from .calls import CallPieces
from .model import last_chunk
from .whole import kept


class MessageWriter:
    """Writes chunks as LangChain's messages.

    Args:
        backend: Who answers.
        name: The model, as the answer names it.
    """

    def __init__(self, backend: LLMBackend, name: str) -> None:
        self._backend, self._name = backend, name
        self._calls = CallPieces()
        self._usage: TokenUsage | None = None
        self._extras: dict[str, Any] = {}
        self._done: DoneChunk | None = None

    def write(self, chunk: StreamChunk) -> list[AIMessageChunk]:
        """Return what a chunk says.

        Raises:
            BackendError: When it says that the call failed.
        """
        match chunk:
            case ContentChunk():
                return [AIMessageChunk(content=chunk.content)]
            case ReasoningChunk():
                extra = {"reasoning_content": chunk.content}
                return (
                    [AIMessageChunk(content="", additional_kwargs=extra)] if chunk.content else []
                )
            case ToolCallDeltaChunk():
                piece = self._calls.add(chunk)
                return [AIMessageChunk(content="", tool_call_chunks=[piece])] if piece else []
            case ToolCallsChunk():
                return [AIMessageChunk(content="", tool_call_chunks=self._calls.whole(chunk))]
            case BuiltinToolResultsChunk():
                found = [dict(result) for result in chunk.builtin_tool_results]
                return [AIMessageChunk(content="", additional_kwargs={FOUND: found})]
            case UsageChunk():
                self._usage = chunk.usage
            case CompleteMessageChunk():
                self._extras = kept(chunk.complete_message)
            case DoneChunk():
                self._done = chunk
            case ErrorChunk():
                raise chunk.error
            case AgentStatusChunk() | CompleteResponseChunk():
                pass
            case _:
                assert_never(chunk)
        return []

    def last(self) -> AIMessageChunk:
        """Return the chunk that ends the answer.

        Raises:
            IncompleteStreamError: When the backend has not ended it.
        """
        if self._done is None:
            raise IncompleteStreamError("The stream ended without its terminal marker.")
        metadata: dict[str, Any] = {"finish_reason": self._done.finish_reason}
        cost = None if self._usage is None else self._backend.calculate_cost(self._usage)
        if cost is not None:
            metadata["cost_usd"] = cost
        chunk = last_chunk(self._backend.provider_name, self._name, **metadata)
        usage = None if self._usage is None else usage_metadata(self._usage)
        return chunk.model_copy(update={"usage_metadata": usage, "additional_kwargs": self._extras})


def usage_metadata(usage: TokenUsage) -> UsageMetadata:
    """Return tokens as LangChain has them."""
    return UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        input_token_details=InputTokenDetails(cache_read=usage.cached_tokens),
        output_token_details=OutputTokenDetails(reasoning=usage.reasoning_tokens),
    )
