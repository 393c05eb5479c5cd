"""A backend around another one, and what both of them need of a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .base import BuiltinTool, LLMBackend
from .chunks import StreamChunk
from .later import Later
from .usage import TokenUsage

if TYPE_CHECKING:
    from langchain_core import messages as lc
else:
    lc = Later("langchain_core.messages")


class WrappedBackend(LLMBackend):
    """A backend that is another one in all but what its subclass changes.

    Args:
        backend: The one inside.
    """

    def __init__(self, backend: LLMBackend) -> None:
        super().__init__()
        self.backend = backend
        self.model = backend.model
        self.brief_prompts = backend.brief_prompts
        self.prepare_first = backend.prepare_first
        self.takes_tool_choice = backend.takes_tool_choice
        self.takes_output_schema = backend.takes_output_schema
        self.longest_reply = backend.longest_reply
        self.unsent = backend.unsent

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.backend!r})"

    @property
    def provider_name(self) -> str:
        """The provider's name, as in `provider:model`."""
        return self.backend.provider_name

    @property
    def account(self) -> str:
        """Who pays."""
        return self.backend.account

    async def prepare(self) -> None:
        """Prepare the backend inside."""
        await self.backend.prepare()

    async def aclose(self) -> None:
        """Close what the backend inside has opened."""
        await self.backend.aclose()

    @property
    def pause_s(self) -> float:
        """Seconds for which the provider has asked to be left alone."""
        return self.backend.pause_s

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The provider's own tools that can be switched on."""
        return self.backend.supported_builtin_tools

    @property
    def token_usage(self) -> TokenUsage:
        """What all calls have used since the last reset."""
        return self.backend.token_usage

    def track_usage(self, usage: TokenUsage) -> None:
        """Add the usage of one call."""
        self.backend.track_usage(usage)

    def reset_token_usage(self) -> None:
        """Start counting from nothing."""
        self.backend.reset_token_usage()

    def estimate_tokens(self, text: str) -> int:
        """Return about how many tokens `text` is."""
        return self.backend.estimate_tokens(text)

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        """Return the price in US dollars, or None when it is not known."""
        return self.backend.calculate_cost(usage)

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what a call of so many tokens would cost in US dollars, or None."""
        return self.backend.estimate_cost(input_tokens, output_tokens)

    def tool_name(self, call: lc.ToolCall) -> str:
        """Return the name of the tool that is called."""
        return self.backend.tool_name(call)

    def tool_arguments(self, call: lc.ToolCall) -> dict[str, Any]:
        """Return the arguments of the call."""
        return self.backend.tool_arguments(call)

    def tool_call_id(self, call: lc.ToolCall) -> str:
        """Return the id by which a result names its call."""
        return self.backend.tool_call_id(call)

    def tool_result_message(
        self, call: lc.ToolCall, content: str, *, error: bool = False
    ) -> lc.ToolMessage:
        """Return the message that answers a tool call."""
        return self.backend.tool_result_message(call, content, error=error)

    def tool_result_content(self, message: lc.ToolMessage) -> str:
        """Return the text of a tool's result."""
        return self.backend.tool_result_content(message)


@asynccontextmanager
async def closing(stream: AsyncIterator[StreamChunk]) -> AsyncGenerator[AsyncIterator[StreamChunk]]:
    """Close a backend's stream in the end, whether or not it is a generator."""
    try:
        yield stream
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
