"""The interface that every provider's adapter fulfils."""

from __future__ import annotations

import dataclasses
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .chunks import StreamChunk
from .later import Later
from .usage import TokenUsage, estimate_tokens

if TYPE_CHECKING:
    import pydantic
    from langchain_core import messages as lc
else:
    pydantic = Later("pydantic")
    lc = Later("langchain_core.messages")

logger = logging.getLogger("massgraph")

BuiltinTool = Literal["web_search", "code_execution", "url_context"]


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """A tool as a model sees it.

    Args:
        name: Letters, digits, `_` and `-`.
        description: What the tool is for, in the model's words.
        parameters: The JSON Schema of the arguments, an object.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )


class LLMBackend(ABC):
    """A provider: takes messages and tools, and streams chunks.

    A backend knows nothing of teams, rounds or votes. One backend may serve several calls at
    once, and several event loops one after the other; what it opens, `aclose` closes.
    """

    model: str = ""
    brief_prompts: bool = False
    """True for a model so small that it follows short prompts better than explicit ones."""
    prepare_first: bool = True
    """Whether a run waits for `prepare` before it begins: it may find that something is missing."""
    takes_tool_choice: bool = False
    """Whether `stream_with_tools` takes a `tool_choice`; others must be offered what is chosen."""
    takes_output_schema: bool = False
    """Whether `stream_with_tools` takes an `output_schema`; others must be asked in words."""
    longest_reply: int | None = None
    """The most tokens that a reply may have, where the backend sets such a limit."""
    unsent: Mapping[str, str] = MappingProxyType({})
    """Parameters that were given, and that the model does not take: name -> why."""
    config_options: ClassVar[type[pydantic.BaseModel] | None] = None
    """What a config may say of it, where the arguments of `__init__` do not tell by themselves."""

    own_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys of its requests that are its own to say: `extra_body` must not hold them."""

    def __init__(self) -> None:
        self._usage = TokenUsage()

    @property
    @abstractmethod
    def provider_name(self) -> str:
        """The provider's name, as in `provider:model`."""

    @abstractmethod
    def stream_with_tools(
        self,
        messages: Sequence[lc.AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Send one request and stream what comes back.

        Args:
            messages: The conversation, as LangChain messages.
            tools: What the model may call; empty for plain text.
            **params: Parameters of this call, over those of the backend. Two mean the same for all
                that take them. `tool_choice` (`takes_tool_choice`) is `auto`, `any` (one of the
                tools must be called), `none`, or the name of the tool that must be called.
                `output_schema` (`takes_output_schema`) is a JSON schema, of an object and with a
                `title`: a reply without tools is a text that fits it, as far as the provider can
                hold its model to that, so whoever asks checks what comes.

        Returns:
            An async iterator that ends after one `done` or one `error` chunk, and that closes its
            connection at once when it is closed or its task is cancelled. Raising a BackendError
            is as good as an `error` chunk.
        """

    @property
    def account(self) -> str:
        """Who pays: backends of one account share its rate limits; safe to show.

        An adapter with a key tells it by `limits.account_of`; others are on their own.
        """
        return f"{self.provider_name} ({id(self):x})"

    async def prepare(self) -> None:
        """Do what takes long before the first call (imports, loading a model), off the loop."""

    async def aclose(self) -> None:
        """Close what the running event loop has opened."""

    @property
    def pause_s(self) -> float:
        """Seconds for which its provider has asked to be left alone; 0 when none are known."""
        return 0.0

    @classmethod
    def builtin_tools_of(cls, model: str) -> frozenset[BuiltinTool]:
        """Return the provider's own tools that can be switched on for a model of this name."""
        return frozenset()

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The provider's own tools that this backend can switch on."""
        return frozenset()

    @property
    def token_usage(self) -> TokenUsage:
        """What all calls of this backend have used since the last reset."""
        return self._usage

    def track_usage(self, usage: TokenUsage) -> None:
        """Add the usage of one call."""
        self._usage += usage

    def reset_token_usage(self) -> None:
        """Start counting from nothing."""
        self._usage = TokenUsage()

    def estimate_tokens(self, text: str) -> int:
        """Return about how many tokens `text` is (characters / 4, rounded up)."""
        return estimate_tokens(len(text))

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        """Return the price in US dollars, or None when it is not known."""
        return usage.estimated_cost

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Return what a call of so many tokens would cost in US dollars, or None; for budgets."""
        return self.calculate_cost(TokenUsage(input_tokens, output_tokens))

    def priced(self, usage: TokenUsage) -> TokenUsage:
        """Return a usage with its price; None and a warning where that cannot be told."""
        try:
            cost = self.calculate_cost(usage)
        except Exception:  # an answer is not lost for want of its price
            who = f"{self.provider_name}:{self.model}" if self.model else self.provider_name
            logger.warning("%s cannot tell what a call cost.", who, exc_info=True)
            cost = None
        return dataclasses.replace(usage, estimated_cost=cost)

    def tool_name(self, call: lc.ToolCall) -> str:
        """Return the name of the tool that is called."""
        return call["name"]

    def tool_arguments(self, call: lc.ToolCall) -> dict[str, Any]:
        """Return the arguments of the call."""
        return call["args"]

    def tool_call_id(self, call: lc.ToolCall) -> str:
        """Return the id by which a result names its call."""
        return call["id"] or ""

    def tool_result_message(
        self, call: lc.ToolCall, content: str, *, error: bool = False
    ) -> lc.ToolMessage:
        """Return the message that answers a tool call."""
        from langchain_core.messages import ToolMessage

        return ToolMessage(
            content,
            tool_call_id=self.tool_call_id(call),
            name=call["name"],
            status="error" if error else "success",
        )

    def tool_result_content(self, message: lc.ToolMessage) -> str:
        """Return the text of a tool's result."""
        return message.text
