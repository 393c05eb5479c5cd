"""Chat completions: the protocol that most servers speak beside their own.

OpenAI, vLLM, llama.cpp, Ollama, DeepSeek, OpenRouter and many more. The adapter translates and
does nothing else; it does not retry.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from .base import ToolSchema
from .chat.request import request_body
from .chat.stream import chat_chunks
from .chunks import StreamChunk
from .endpoint import endpoint
from .openai_sdk.client import open_openai
from .openai_sdk.errors import OPENAI
from .openai_sdk.response_format import response_format
from .prices import Tariff
from .sdk import SdkBackend
from .transport import CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S, Timeouts
from .vendors import COMPATIBLE

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage
    from openai import AsyncOpenAI


class ChatCompletionsBackend(SdkBackend["AsyncOpenAI"]):
    """A model behind an OpenAI-compatible server.

    Args:
        model: The model's name, as the server knows it.
        base_url: Where the server is, with `/v1`; OpenAI itself when left out.
        api_key: The key.
        api_key_env: The environment variable that holds the key, when `api_key` is left out.
            Without either, OpenAI's own host gets `OPENAI_API_KEY`, and any other gets no key.
        temperature: Sampling temperature; left out, the server decides.
        max_tokens: Tokens of an answer at most, reasoning included; left out, the server decides.
        extra_body: Further keys of the request (`top_p`, `seed`, `reasoning_effort`, ...).
        extra_headers: Further headers of the request.
        connect_timeout_s: Seconds that the connection may take.
        idle_timeout_s: Seconds that the server may be silent.

    Raises:
        UserError: When the URL is none, or the key is missing.
    """

    takes_tool_choice = True
    takes_output_schema = True  # most servers do; one that does not refuses it, or takes no notice
    own_keys = frozenset({"model", "messages", "stream"})

    def __init__(  # noqa: PLR0913 - one keyword for each key of the config
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        api_key_env: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        at = endpoint(COMPATIBLE, base_url, api_key, api_key_env, extra_headers)
        super().__init__(model, at, OPENAI, Tariff(model, url=at.shown))
        self._params: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens}
        self._params.update(extra_body or {})
        self._timeouts = Timeouts(connect_timeout_s, idle_timeout_s)

    @property
    def provider_name(self) -> str:
        """`chat_completions`."""
        return "chat_completions"

    def _open(self) -> AsyncOpenAI:
        return open_openai(self._at, self._timeouts)

    async def _chunks(
        self,
        client: AsyncOpenAI,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        body = request_body(self.model, messages, tools, self._merged(params))
        async with aclosing(chat_chunks(client, self._at, body, self._tariff)) as chunks:
            async for chunk in chunks:
                yield chunk

    def _held_to(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"response_format": response_format(schema)}

    def _merged(self, params: Mapping[str, Any]) -> dict[str, Any]:
        merged = {**self._params, **params}
        if self._at.is_own and "max_tokens" in merged:
            # OpenAI's reasoning models take the newer name alone, other servers often the old one.
            merged["max_completion_tokens"] = merged.pop("max_tokens")
        return merged
