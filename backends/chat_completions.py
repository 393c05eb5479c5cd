"""Chat completions: the protocol that most servers speak beside their own.

OpenAI, vLLM, llama.cpp, Ollama, DeepSeek, OpenRouter and many more. The adapter translates and
does nothing else; it does not retry.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .base import LLMBackend, ToolSchema
from .chat_frames import FrameReader, as_object
from .chat_request import request_body
from .chunks import StreamChunk
from .errors import MalformedResponseError, MassgraphError, UserError
from .guard import check_request_allowed
from .openai_client import endpoint, open_client
from .openai_errors import frame_error, translate
from .per_loop import PerLoop

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage
    from openai import AsyncOpenAI, AsyncStream


class ChatCompletionsBackend(LLMBackend):
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
        connect_timeout_s: float = 10.0,
        idle_timeout_s: float = 600.0,
    ) -> None:
        super().__init__()
        if not model:
            raise UserError("A chat_completions backend needs a model.")
        self.model = model
        self._at = endpoint(base_url, api_key, api_key_env, extra_headers)
        self._params: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens}
        self._params.update(extra_body or {})
        self._open = partial(
            open_client,
            self._at,
            connect_timeout_s=connect_timeout_s,
            idle_timeout_s=idle_timeout_s,
        )
        self._clients: PerLoop[AsyncOpenAI] = PerLoop()

    def __repr__(self) -> str:
        """Return the model and the server, never the key."""
        return f"{type(self).__name__}(model={self.model!r}, base_url={self._at.shown!r})"

    @property
    def provider_name(self) -> str:
        """`chat_completions`."""
        return "chat_completions"

    async def prepare(self) -> None:
        """Import the SDK and open the running loop's client, both in a thread."""
        await self._client()

    async def aclose(self) -> None:
        """Close the running loop's client, and with it its connections."""
        client = self._clients.pop()
        if client is not None:
            await client.close()

    async def stream_with_tools(
        self,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        **params: Any,
    ) -> AsyncIterator[StreamChunk]:
        """Send one request and stream what comes back.

        Args:
            messages: The conversation.
            tools: What the model may call.
            **params: Keys of the request's body, over those of the backend; None leaves one out.

        Yields:
            The chunks, `done` last.

        Raises:
            BackendError: When the server fails, or does not keep to the protocol.
        """
        check_request_allowed(self._at.url)
        reader = FrameReader()
        try:
            body = request_body(self.model, messages, tools, self._merged(params))
            async with await self._send(body) as stream:
                async for frame in stream:
                    for chunk in self._read(frame, reader):
                        yield chunk
                self._check_frames(reader, stream.response.headers.get("content-type", ""))
        except MassgraphError:
            raise
        except Exception as exc:
            error = translate(exc, self._at)
            raise error from error.__cause__
        finally:
            if reader.usage is not None:
                self.track_usage(reader.usage)
        yield reader.done()

    async def _client(self) -> AsyncOpenAI:
        return await self._clients.get(self._open)

    async def _send(self, body: Mapping[str, Any]) -> AsyncStream[object]:
        client = await self._client()
        from openai import AsyncStream

        # The frames are read as they are: servers send more than the SDK's own types know.
        return await client.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            options={"headers": self._at.headers(), "security": {"bearer_auth": True}},
            stream=True,
            stream_cls=AsyncStream[object],
        )

    def _read(self, frame: object, reader: FrameReader) -> Iterator[StreamChunk]:
        said = as_object(frame)
        if said.get("object") == "error":  # vLLM; `{"error": ...}` is raised by the SDK
            raise frame_error(said, self._at)
        return reader.read(said)

    def _check_frames(self, reader: FrameReader, content_type: str) -> None:
        if not reader.frames and "text/event-stream" not in content_type:
            raise MalformedResponseError(
                f"{self._at.shown} answered with {content_type or 'nothing'}, not with a stream. "
                "Is base_url right?"
            )

    def _merged(self, params: Mapping[str, Any]) -> dict[str, Any]:
        merged = {**self._params, **params}
        if self._at.is_openai and "max_tokens" in merged:
            # OpenAI's reasoning models take the newer name alone, other servers often the old one.
            merged["max_completion_tokens"] = merged.pop("max_tokens")
        return merged
