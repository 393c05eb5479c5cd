"""Gemini: Google's models over the Gemini API (`streamGenerateContent`).

The adapter translates and does nothing else; it does not retry. What a model takes is data, in
`models`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..base import BuiltinTool, ToolSchema
from ..chunks import StreamChunk
from ..endpoint import Endpoint, endpoint
from ..errors import MalformedResponseError, UserError
from ..failures import harmless
from ..linger import to_the_end
from ..prices import Tariff
from ..profile import taken
from ..pump import pumped
from ..sdk import SdkBackend
from ..tool_choice import offered
from ..transport import CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S, Timeouts
from ..vendors import GOOGLE
from .client import GeminiClient, open_gemini
from .errors import GEMINI
from .frames import FrameReader
from .models import Effort, Profile, levels_of, profile_of
from .output import json_schema, takes_schema
from .request import request_body
from .structured import route_of

if TYPE_CHECKING:
    from google.genai import types
    from langchain_core.messages import AnyMessage

_API_VERSION = "v1beta"
"""Calls held to their schemas, and functions beside builtin tools, are previews: not in `v1` yet.
https://ai.google.dev/gemini-api/docs/api-versions"""

_SETTINGS: Mapping[BuiltinTool, str] = {
    "web_search": "enable_web_search",
    "code_execution": "enable_code_execution",
    "url_context": "enable_url_context",
}


class GeminiBackend(SdkBackend[GeminiClient]):
    """A model of the Gemini API.

    Args:
        model: The model's name.
        base_url: Where the server is; Google itself when left out.
        api_key: The key.
        api_key_env: The environment variable that holds the key, when `api_key` is left out.
            Without either, `GOOGLE_API_KEY`, else `GEMINI_API_KEY`, whatever `base_url` is.
        api_version: The version of the API; left out, the one at the end of `base_url`, else
            `v1beta`.
        temperature: Sampling temperature; left out, the server decides.
        max_tokens: Tokens of an answer at most, reasoning included; left out, the server decides.
        reasoning_effort: How much the model thinks; left out, the server decides.
        enable_web_search: Whether the model may search the web.
        enable_code_execution: Whether it may run code on Google's machines.
        enable_code_interpreter: The older name of `enable_code_execution`.
        enable_url_context: Whether it may read pages whose URLs it is told.
        extra_body: Further keys of the request, as the REST API has them (`safetySettings`, ...),
            and of its `generationConfig` (`top_p`, `seed`, `stop_sequences`, ...).
        extra_headers: Further headers of the request.
        connect_timeout_s: Seconds that the connection may take.
        idle_timeout_s: Seconds that the server may be silent.

    Raises:
        UserError: When the URL is none, the key is missing, or the model lacks a builtin tool.
    """

    takes_tool_choice = True
    own_keys = frozenset({"model", "contents", "stream"})

    def __init__(  # noqa: PLR0913 - one keyword for each key of the config
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        api_key_env: str | None = None,
        api_version: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        reasoning_effort: Effort | None = None,
        enable_web_search: bool = False,
        enable_code_execution: bool = False,
        enable_code_interpreter: bool = False,
        enable_url_context: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        at = endpoint(GOOGLE, base_url, api_key, api_key_env, extra_headers)
        at, version = _without_version(at)
        name = model.rpartition("/")[2]
        super().__init__(model, at, GEMINI, Tariff(name, provider="google"))
        self._profile = profile_of(model)
        self._builtin = self._switched_on(
            {
                "web_search": enable_web_search,
                "code_execution": enable_code_execution or enable_code_interpreter,
                "url_context": enable_url_context,
            }
        )
        self.takes_output_schema = takes_schema(self._profile, builtin=bool(self._builtin))
        given = {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "reasoning_effort": reasoning_effort,
            **(extra_body or {}),
        }
        refused = _refused(self._profile, given.get("reasoning_effort"))
        self._params, self.unsent = taken(given, refused, model=model)
        self._api_version = api_version or version or _API_VERSION
        self._timeouts = Timeouts(connect_timeout_s, idle_timeout_s)

    @property
    def provider_name(self) -> str:
        """`gemini`."""
        return "gemini"

    @classmethod
    def builtin_tools_of(cls, model: str) -> frozenset[BuiltinTool]:
        """Return the builtin tools that a model of this name has."""
        return profile_of(model).builtin

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The builtin tools that the model has."""
        return self._profile.builtin

    def _switched_on(self, wanted: Mapping[BuiltinTool, bool]) -> tuple[BuiltinTool, ...]:
        for tool, on in wanted.items():
            if on and tool not in self._profile.builtin:
                has = ", ".join(
                    _SETTINGS[name] for name in _SETTINGS if name in self._profile.builtin
                )
                raise UserError(
                    f"gemini:{self.model}: {_SETTINGS[tool]}: this model has no "
                    f"{tool.replace('_', ' ')}.",
                    hint=f"It takes: {has}." if has else "It has no builtin tools.",
                )
        return tuple(tool for tool, on in wanted.items() if on)

    def _open(self) -> GeminiClient:
        return open_gemini(self._at, self._timeouts, self._api_version)

    def _held_to(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "response_mime_type": "application/json",
            "response_json_schema": json_schema(schema),
        }

    async def _chunks(
        self,
        client: GeminiClient,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        model = params.get("model") or self.model
        route = route_of(self._profile, builtin=bool(self._builtin))
        if route != "native":
            tools = offered(tools, params.get("tool_choice"))
        body = request_body(
            messages,
            tools,
            {**self._params, **params},
            profile=self._profile,
            builtin=self._builtin,
            route=route,
        )
        in_text = bool(tools) and route != "native"
        reader = FrameReader(self._profile, self._tariff, self._at, in_text=in_text)
        async with (
            aclosing(pumped(self._frames(client, model, body))) as stream,
            aclosing(to_the_end(stream, lambda: reader.patience_s, self._at.shown)) as frames,
        ):
            async for frame in frames:
                for chunk in reader.read(frame):
                    yield chunk
        for chunk in reader.done():
            yield chunk

    async def _frames(
        self, client: GeminiClient, model: str, body: Mapping[str, Any]
    ) -> AsyncIterator[types.GenerateContentResponse]:
        """Yield the frames; what the SDK trips over is not what the protocol allows."""
        try:
            async for frame in client.frames(model, body):
                yield frame
        except (AttributeError, LookupError, TypeError) as exc:
            raise MalformedResponseError(
                self._at.redact(f"{self._at.shown} sent a frame of the wrong shape: {exc}")
            ) from harmless(exc, self._at)


def _without_version(at: Endpoint) -> tuple[Endpoint, str | None]:
    """Return the server without the version that a person may have written, and the version."""
    start, _, last = at.url.rpartition("/")
    return (replace(at, url=start), last) if last in ("v1", "v1beta") else (at, None)


def _refused(profile: Profile, effort: Any) -> dict[str, str]:
    """Return what the model does not take, and why."""
    refused = dict(profile.refused)
    if effort is not None and effort not in profile.efforts:
        refused["reasoning_effort"] = f"the efforts that it knows: {levels_of(profile)}"
    return refused
