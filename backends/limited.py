"""A backend whose calls wait for the rate limits of their account."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .base import LLMBackend, ToolSchema
from .chunks import (
    AgentStatusChunk,
    DoneChunk,
    ErrorChunk,
    StreamChunk,
    UsageChunk,
    says_something,
)
from .errors import BackendError, RateLimitError, UserError
from .limiter import Limiter, Place, limiter_for
from .limits import Limits
from .usage import TokenUsage
from .wrapped import WrappedBackend, closing

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

OUTPUT_TOKENS = 500
"""What a reply is expected to take, until the provider tells what it took."""

TELL_EVERY_S = 1.0
"""How often a call says that it waits: a silence would be taken for the provider's."""


class LimitedBackend(WrappedBackend):
    """A backend whose calls wait until their account's limits let them begin.

    Backends of one account (the same provider, server and key) share one limiter, wherever in the
    process they run. Tokens are counted by an estimate first, and by the provider's own figures
    once they are there. When the provider refuses a call and names a pause, all calls keep it.

    Args:
        backend: The backend.
        limits: Its account's limits, or a config's mapping of them.

    Raises:
        UserError: When a limit makes no sense, the account has other limits in another backend
            that still lives, or the backend is limited already.
    """

    def __init__(self, backend: LLMBackend, limits: Limits | Mapping[str, Any]) -> None:
        super().__init__(backend)
        if isinstance(backend, LimitedBackend):
            raise UserError(f"{backend!r} has limits already.")
        self._limiter: Limiter = limiter_for(backend.account, Limits.of(limits))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.backend!r}, {self.limits})"

    @property
    def limits(self) -> Limits:
        """What all calls of the account may use together."""
        return self._limiter.limits

    @property
    def pause_s(self) -> float:
        """Seconds that are left of the pause for which the provider has asked."""
        return max(self._limiter.pause_s, self.backend.pause_s)

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Wait until the limits let the request begin, then send it; see `LLMBackend`.

        Yields:
            A status now and then while it waits, then the chunks.

        Raises:
            RateLimitError: When the provider has asked for a pause too long to wait for.
        """
        with self._limiter.enter(self._expected(messages, tools)) as place:
            while not await place.begins(TELL_EVERY_S):
                yield AgentStatusChunk(f"waiting for the rate limits of {self._limiter.name}")
            request = self.backend.stream_with_tools(messages, tools, **params)
            async with closing(self._counted(request, place)) as stream:
                async for chunk in stream:
                    yield chunk

    async def _counted(
        self, request: AsyncIterator[StreamChunk], place: Place
    ) -> AsyncGenerator[StreamChunk]:
        """Pass a request's chunks on, and count what it uses."""
        usage: TokenUsage | None = None
        begun = False
        try:
            async with closing(request) as stream:
                async for chunk in stream:
                    if isinstance(chunk, ErrorChunk):
                        raise chunk.error
                    if isinstance(chunk, UsageChunk):
                        usage = chunk.usage
                    if isinstance(chunk, DoneChunk) and usage is not None:
                        place.used(usage.input_tokens + usage.output_tokens)
                    begun = begun or says_something(chunk)
                    yield chunk
        except BackendError as error:
            if not begun:
                place.used(0)  # it was not served
            if isinstance(error, RateLimitError) and error.retry_after is not None:
                self._limiter.pause(error.retry_after)
            raise

    def _expected(self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema]) -> int:
        """Return how many tokens a request and its reply will probably take."""
        if self.limits.tokens_per_minute is None:
            return 0
        texts = [text for message in messages for text in _texts(message)]
        for tool in tools:
            texts += tool.name, tool.description, json.dumps(dict(tool.parameters))
        return self.estimate_tokens("\n".join(texts)) + OUTPUT_TOKENS


def _texts(message: AnyMessage) -> list[str]:
    calls = getattr(message, "tool_calls", ())
    return [message.text, *(json.dumps(call["args"], default=str) for call in calls)]
