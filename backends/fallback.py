"""A backend with another one behind it, which is asked when the first one fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .base import BuiltinTool, LLMBackend, ToolSchema
from .chunks import AgentStatusChunk, ErrorChunk, StreamChunk, UsageChunk, says_something
from .errors import BackendError, IncompleteStreamError, RateLimitError, error_class
from .usage import TokenUsage
from .words import sentence
from .wrapped import WrappedBackend, closing

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

logger = logging.getLogger("massgraph")

PATIENCE_S = 1.0
"""The longest pause of the primary that is waited for while there is somebody else to ask."""


class FallbackBackend(WrappedBackend):
    """A backend that, where its provider fails, sends the same request to another one at once.

    That is so for each request anew, and until the first chunk that says anything; a stream that
    breaks later has failed, as any other.

    Args:
        primary: Who is asked first, and whose name and model this backend has.
        fallback: Who is asked when that fails.
    """

    def __init__(self, primary: LLMBackend, fallback: LLMBackend) -> None:
        super().__init__(primary)
        self.fallback = fallback
        self.takes_tool_choice = primary.takes_tool_choice and fallback.takes_tool_choice
        self.takes_output_schema = primary.takes_output_schema and fallback.takes_output_schema
        self.prepare_first = primary.prepare_first or fallback.prepare_first
        self.unsent = {**fallback.unsent, **primary.unsent}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.backend!r}, {self.fallback!r})"

    @property
    def account(self) -> str:
        """Its own: it is not the primary's alone."""
        return f"{self.provider_name} with a fallback ({id(self):x})"

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The tools that both providers have."""
        return self.backend.supported_builtin_tools & self.fallback.supported_builtin_tools

    @property
    def token_usage(self) -> TokenUsage:
        """What all calls of both have used since the last reset."""
        return self.backend.token_usage + self.fallback.token_usage

    def reset_token_usage(self) -> None:
        """Start counting from nothing."""
        self.backend.reset_token_usage()
        self.fallback.reset_token_usage()

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        """Return the price that the one who answered has told, or None."""
        return usage.estimated_cost

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what the dearer one of the two would cost, where both are known."""
        costs = [
            one.estimate_cost(input_tokens, output_tokens) for one in (self.backend, self.fallback)
        ]
        known = [cost for cost in costs if cost is not None]
        return max(known) if len(known) == len(costs) else None

    async def prepare(self) -> None:
        """Prepare both; a provider that fails is for the requests to deal with."""
        ends = await asyncio.gather(
            self.backend.prepare(), self.fallback.prepare(), return_exceptions=True
        )
        for backend, end in zip((self.backend, self.fallback), ends, strict=True):
            if isinstance(end, BackendError):
                logger.warning("%s could not be prepared: %s", _name(backend), end)
            elif end is not None:
                raise end

    async def aclose(self) -> None:
        """Close what both have opened."""
        ends = await asyncio.gather(
            self.backend.aclose(), self.fallback.aclose(), return_exceptions=True
        )
        for end in ends:
            if end is not None:
                raise end

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Send the request, where it must be to both of them one after the other.

        Yields:
            The chunks of the one who answered, and the statuses of both.

        Raises:
            BackendError: When both fail, or one of them breaks in the middle of its reply.
        """
        ask = partial(self._asked, messages=messages, tools=tools, params=params)
        begun, spent = False, TokenUsage()
        try:
            self._check_not_paused()
            async with closing(ask(self.backend)) as stream:
                async for chunk in stream:
                    begun = begun or says_something(chunk)
                    spent = chunk.usage if isinstance(chunk, UsageChunk) else spent
                    yield chunk
            return
        except BackendError as error:
            if begun:
                raise
            failed = error
        says = f"{_name(self.backend)} failed ({failed.kind}): {_name(self.fallback)} is asked"
        logger.warning("%s. It said: %s", says, failed)
        yield AgentStatusChunk(says)
        try:
            async with closing(ask(self.fallback)) as stream:
                async for chunk in stream:
                    begun = begun or says_something(chunk)
                    yield (
                        UsageChunk(spent + chunk.usage) if isinstance(chunk, UsageChunk) else chunk
                    )
        except BackendError as error:
            if begun:
                raise
            raise self._both_failed(failed, error) from failed

    def _check_not_paused(self) -> None:
        """Raise the primary's error at once while it wants to be left alone for longer."""
        wait_s = self.backend.pause_s
        if wait_s > PATIENCE_S:
            raise RateLimitError(f"It asked for a pause, of which {wait_s:.0f} s are left.")

    async def _asked(
        self,
        backend: LLMBackend,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: dict[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        """Give out a backend's chunks, with errors raised and with its own price of its usage."""
        begun = False
        async with closing(backend.stream_with_tools(messages, tools, **params)) as stream:
            async for chunk in stream:
                match chunk:
                    case ErrorChunk():
                        raise chunk.error
                    case UsageChunk():
                        yield UsageChunk(backend.priced(chunk.usage))
                    case _:
                        yield chunk
                begun = begun or says_something(chunk)
        if not begun:
            raise IncompleteStreamError("The stream ended before it began.")

    def _both_failed(self, first: BackendError, second: BackendError) -> BackendError:
        """Return the error of both: one that is worth another try, if either is."""
        main = first if first.retryable and not second.retryable else second
        return error_class(main.kind)(
            f"{_name(self.backend)} failed: {sentence(str(first))} Its fallback "
            f"{_name(self.fallback)} failed, too: {second}",
            retry_after=main.retry_after,
            status=main.status,
        )


def _name(backend: LLMBackend) -> str:
    return f"{backend.provider_name}:{backend.model}" if backend.model else backend.provider_name
