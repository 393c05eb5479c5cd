"""Claude: Anthropic's Messages.

The adapter translates and does nothing else; it does not retry.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..base import BuiltinTool, ToolSchema
from ..chunks import StreamChunk
from ..endpoint import endpoint
from ..failures import check_stream, frame_error
from ..linger import drain
from ..prices import Tariff
from ..profile import of_model
from ..sdk import SdkBackend
from ..transport import CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S, Timeouts
from ..vendors import ANTHROPIC
from ..wire import as_object
from .client import bare, open_claude
from .errors import CLAUDE, error_of
from .frames import FrameReader
from .models import PROFILES, Effort, brings_code
from .options import builtin_tools, settings
from .output import output_format
from .request import Body, request, resumed
from .usage import Spent

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, AsyncStream
    from langchain_core.messages import AnyMessage

_PAUSES = 8
"""How often the server may pause within one turn."""


class ClaudeBackend(SdkBackend["AsyncAnthropic"]):
    """A Claude model, at Anthropic or behind a server that speaks its protocol.

    Args:
        model: The model's name (`claude-opus-5-5`, ...).
        base_url: Where the server is; a `/v1` at its end is left out, as the SDK adds it.
        api_key: The key.
        api_key_env: The environment variable that holds the key, when `api_key` is left out.
            Without either, `ANTHROPIC_API_KEY`, whatever `base_url` is.
        temperature: Gone from Anthropic's API: it is not sent, and a warning says so.
        max_tokens: Tokens of an answer at most, thinking included. Left out, 32,000 (models up to
            4.5: 16,000, older ones what they can), with a `thinking_budget` on top.
        reasoning_effort: How much the model thinks and writes.
        thinking_budget: Tokens of thinking at most, for models up to 4.6; 0 for no thinking.
        enable_web_search: Whether the model may search the web.
        max_searches: Searches within one answer at most.
        enable_web_fetch: Whether the model may read pages.
        enable_code_execution: Whether the model may run code, on Anthropic's side.
        enable_code_interpreter: The same, under an older name.
        extra_body: Further keys of the request (`stop_sequences`, `metadata`, ...).
        extra_headers: Further headers of the request.
        connect_timeout_s: Seconds that the connection may take.
        idle_timeout_s: Seconds that the server may be silent.

    Raises:
        UserError: When the URL is none, the key is missing or another provider's, or the model
            lacks what is asked of it.
    """

    takes_tool_choice = True
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
        reasoning_effort: Effort | None = None,
        thinking_budget: int | None = None,
        enable_web_search: bool = False,
        max_searches: int | None = None,
        enable_web_fetch: bool = False,
        enable_code_execution: bool = False,
        enable_code_interpreter: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        at = bare(endpoint(ANTHROPIC, base_url, api_key, api_key_env, extra_headers))
        super().__init__(model, at, CLAUDE, Tariff(model, provider="anthropic"))
        self._profile = of_model(PROFILES, model)
        code = "enable_code_execution" if enable_code_execution else "enable_code_interpreter"
        enabled: dict[BuiltinTool, str | None] = {
            "web_search": "enable_web_search" if enable_web_search else None,
            "url_context": "enable_web_fetch" if enable_web_fetch else None,
            "code_execution": code if enable_code_execution or enable_code_interpreter else None,
        }
        self.takes_output_schema = self._profile.schema
        self._settings = settings(
            model,
            self._profile,
            temperature=temperature,
            max_tokens=max_tokens,
            reasoning_effort=reasoning_effort,
            thinking_budget=thinking_budget,
            builtin=builtin_tools(model, self._profile, enabled, max_searches),
            extra_body=extra_body or {},
        )
        self.unsent = self._settings.unsent
        self._writer = self.provider_name if at.is_own else f"{self.provider_name} at {at.shown}"
        self._timeouts = Timeouts(connect_timeout_s, idle_timeout_s)

    @property
    def provider_name(self) -> str:
        """`claude`."""
        return "claude"

    @classmethod
    def builtin_tools_of(cls, model: str) -> frozenset[BuiltinTool]:
        """Return the builtin tools that a model of this name has."""
        return frozenset(of_model(PROFILES, model).tools)

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """What the model has: web search, reading pages, running code."""
        return frozenset(self._profile.tools)

    def _open(self) -> AsyncAnthropic:
        return open_claude(self._at, self._timeouts)

    def _held_to(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        config = self._settings.params.get("output_config") or {}
        return {"output_config": {**config, "format": output_format(schema)}}

    async def _chunks(
        self,
        client: AsyncAnthropic,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        tools, params = self._settings.offer(tools, params, self.model)
        sent = request(
            self.model,
            messages,
            tools,
            self._settings.merged(params, self.model),
            writer=self._writer,
            bound=self._profile.bound,
        )
        free = any(brings_code(tool) for tool in sent.body.get("tools", ()))
        spent = Spent(containers_cost=not free, container=sent.container)
        reader = FrameReader(self._tariff, writer=self._writer, digest=sent.digest, spent=spent)
        body = sent.body
        for pauses in range(1 + _PAUSES):
            if pauses:
                body = resumed(sent.body, reader.content(), reader.container)
                reader.go_on()
            async with aclosing(self._answer(client, body, reader)) as chunks:
                async for chunk in chunks:
                    yield chunk
            if not reader.paused:
                break
        for chunk in reader.done():
            yield chunk

    async def _answer(
        self, client: AsyncAnthropic, body: Body, reader: FrameReader
    ) -> AsyncGenerator[StreamChunk]:
        async with await self._send(client, body) as stream:
            frames = aiter(stream)
            async for frame in frames:
                for chunk in self._read(frame, reader):
                    yield chunk
                if reader.ended:
                    break
            if not reader.began:
                check_stream(self._at, stream.response.headers.get("content-type", ""))
            if reader.ended:
                await drain(frames, self._at.shown)

    async def _send(self, client: AsyncAnthropic, body: Body) -> AsyncStream[object]:
        from anthropic import AsyncStream

        # The events are read as they are: the SDK's own types take long to build the first time,
        # on the event loop.
        return await client.post(
            "/v1/messages",
            cast_to=object,
            body=body,
            stream=True,
            stream_cls=AsyncStream[object],
        )

    def _read(self, frame: object, reader: FrameReader) -> Iterator[StreamChunk]:
        said = as_object(frame)
        if said.get("type") == "error":  # an `event: error` is raised by the SDK
            raise frame_error(error_of(said), self._at, CLAUDE)
        return reader.read(said)
