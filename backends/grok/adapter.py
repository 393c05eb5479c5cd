"""Grok, by xAI's Responses API.

xAI has taken Live Search out of chat completions: what `search_parameters` said there is said by
server-side tools here. So `search_mode` offers a tool, or not; `max_search_results`, which the API
has no word for, limits what is told of a search; and without `return_citations` none are told, and
none are asked for.

A gateway that has no Responses is spoken to in chat completions, unless a server-side tool is on.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..base import BuiltinTool, ToolSchema
from ..chat.request import request_body
from ..chat.stream import chat_chunks
from ..chunks import StreamChunk
from ..endpoint import endpoint
from ..errors import UserError
from ..prices import Tariff
from ..profile import of_model
from ..responses.backend import NothingThereError, ResponsesBackend
from ..responses.builtin import BuiltinUses
from ..responses.events import Usage
from ..responses.request import RequestForm
from ..transport import CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S, Timeouts
from ..usage import TokenUsage
from ..vendors import XAI as VENDOR
from .errors import XAI
from .models import GROK_MODELS, GrokEffort, GrokModel
from .search import Search, SearchMode

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage
    from openai import AsyncOpenAI

_SEARCH_FIRST = "Before you answer or act, search the web for what the question is about."
"""What `search_mode: on` adds to the system message: a tool choice would bar the agent's own."""
_WIRE: Mapping[str, Mapping[str, Any]] = {
    "web_search": {"type": "web_search"},
    "x_search": {"type": "x_search"},
    # As OpenAI's SDK wants it; xAI has but one container.
    "code_interpreter": {"type": "code_interpreter", "container": {"type": "auto"}},
}
"""The server-side tools (https://docs.x.ai/developers/tools/overview)."""
_TICKS = 10_000_000_000
"""Ticks of a US dollar (https://docs.x.ai/developers/cost-tracking)."""
_BILLED: Mapping[str, str] = {
    "web_search_calls": "web_search_call",
    "x_search_calls": "x_search_call",
    "code_interpreter_calls": "code_interpreter_call",
}
"""What xAI counts in `server_side_tool_usage_details` -> the items that are uses of it."""


class GrokBackend(ResponsesBackend):
    """A model of xAI.

    Args:
        model: The model's name.
        base_url: Where the server is; left out, `XAI_BASE_URL`, else xAI itself.
        api_key: The key.
        api_key_env: The environment variable that holds the key, when `api_key` is left out;
            without either, `XAI_API_KEY`.
        temperature: Sampling temperature.
        max_tokens: Tokens of an answer at most, reasoning included.
        reasoning_effort: How much a model thinks that can be told so.
        search_mode: `auto`: the model may search the web; `on`: it is told to; `off`: it cannot.
        max_search_results: Pages of a search, and citations, that are told at most.
        return_citations: Whether the answer's citations are told.
        enable_web_search: The same as `search_mode: auto`.
        enable_x_search: Whether the model may search X.
        enable_code_execution: Whether the model may run code at xAI.
        enable_code_interpreter: The same, by its older name.
        extra_body: Further keys of the request; `tools` and `include` are added to those there.
        extra_headers: Further headers of the request.
        connect_timeout_s: Seconds that the connection may take.
        idle_timeout_s: Seconds that the server may be silent.

    Raises:
        UserError: When the URL is none, the key is missing or another provider's, or the model has
            not what is switched on.
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
        reasoning_effort: GrokEffort | None = None,
        search_mode: SearchMode | None = None,
        max_search_results: int | None = None,
        return_citations: bool = True,
        enable_web_search: bool = False,
        enable_x_search: bool = False,
        enable_code_execution: bool = False,
        enable_code_interpreter: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        at = endpoint(VENDOR, base_url, api_key, api_key_env, extra_headers)
        self._search = Search.of(
            search_mode, max_search_results, citations=return_citations, web=enable_web_search
        )
        self._profile = of_model(GROK_MODELS, model)
        code = enable_code_execution or enable_code_interpreter
        tools = _tools(self._search, x=enable_x_search, code=code)
        _check(model, self._profile, tools)
        params = {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "reasoning_effort": reasoning_effort,
        }
        super().__init__(
            _form(model, self._profile, tools, self._search),
            at,
            Tariff(model, provider="x-ai"),
            params=params,
            refused=_NO_EFFORT if not self._profile.effort else {},
            extra_body=extra_body,
            timeouts=Timeouts(connect_timeout_s, idle_timeout_s),
            dialect=XAI,
        )
        given = {name: value for name, value in params.items() if name not in self.unsent}
        self._chat_params = {**given, **(extra_body or {})}
        self._chat_only = False

    @property
    def provider_name(self) -> str:
        """`grok`."""
        return "grok"

    @classmethod
    def builtin_tools_of(cls, model: str) -> frozenset[BuiltinTool]:
        """Return the builtin tools that a model of this name has."""
        return of_model(GROK_MODELS, model).tools

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The builtin tools that the model has."""
        return self._profile.tools

    async def _chunks(
        self,
        client: AsyncOpenAI,
        messages: Sequence[AnyMessage],
        tools: Sequence[ToolSchema],
        params: Mapping[str, Any],
    ) -> AsyncGenerator[StreamChunk]:
        """Speak Responses, or what a gateway speaks that has none."""
        if not self._chat_only:
            try:
                said = super()._chunks(client, messages, tools, params)
                async with aclosing(said) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except NothingThereError:
                # Server-side tools are there in Responses alone.
                if self._at.is_own or self._form.tools:
                    raise
            else:
                return
        body = request_body(self.model, messages, tools, {**self._chat_params, **params})
        async with aclosing(chat_chunks(client, self._at, body, self._tariff, XAI)) as chunks:
            async for chunk in chunks:
                self._chat_only = True  # it speaks that, at least
                yield chunk

    def _uses(self) -> BuiltinUses:
        return BuiltinUses(citations=self._search.citations, most_sources=self._search.most_sources)

    def _price(self, usage: Usage, uses: Mapping[str, int], tier: str | None) -> TokenUsage:
        told = usage.server_side_tool_usage_details or {}
        billed = {
            unit: told.get(unit) or (0 if told else uses.get(kind, 0))
            for unit, kind in _BILLED.items()
        }
        used = self._tariff.usage({**usage.counts(), **billed})
        if usage.cost_in_usd_ticks is not None:  # what xAI has charged, whatever the price list
            return replace(used, estimated_cost=usage.cost_in_usd_ticks / _TICKS)
        return used if tier in (None, "default", "auto") else replace(used, estimated_cost=None)


_NO_EFFORT: Mapping[str, str] = dict.fromkeys(
    ("reasoning_effort", "reasoning"), "its effort cannot be set"
)


def _tools(search: Search, *, x: bool, code: bool) -> tuple[str, ...]:
    wanted = {"web_search": search.mode != "off", "x_search": x, "code_interpreter": code}
    return tuple(tool for tool, on in wanted.items() if on)


def _check(model: str, profile: GrokModel, tools: tuple[str, ...]) -> None:
    if tools and not profile.tools:
        named = ", ".join(tool.replace("_", " ") for tool in tools)
        raise UserError(
            f"grok:{model}: this model has no {named}.",
            hint="Leave out search_mode, enable_web_search, enable_x_search and "
            "enable_code_execution, or name another model.",
        )


def _form(model: str, profile: GrokModel, tools: tuple[str, ...], search: Search) -> RequestForm:
    include = ["reasoning.encrypted_content"] if profile.reasons else []
    if "web_search" in tools:
        include.append("web_search_call.action.sources")
    if "code_interpreter" in tools:
        include.append("code_interpreter_call.outputs")
    if tools and not search.citations:
        # https://docs.x.ai/developers/tools/citations
        include.append("no_inline_citations")
    return RequestForm(
        model=model,
        echo_key=f"grok:{model}",
        tools=tuple(_WIRE[tool] for tool in tools),
        include=tuple(include),
        system=_SEARCH_FIRST if search.mode == "on" else "",
        # `strict` of a function is not supported: https://docs.x.ai/developers/rest-api-reference
        strict=False,
    )
