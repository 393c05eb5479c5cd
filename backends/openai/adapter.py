"""OpenAI, by its Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ..base import BuiltinTool
from ..endpoint import endpoint
from ..errors import UserError
from ..prices import Tariff
from ..profile import of_model
from ..responses.backend import ResponsesBackend
from ..responses.builtin import BuiltinUses
from ..responses.events import Usage
from ..responses.request import RequestForm
from ..transport import CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S, Timeouts
from ..usage import TokenUsage
from ..vendors import OPENAI
from .models import OPENAI_MODELS, OpenAIModel, ReasoningEffort, split_effort

_FEWEST_TOKENS = 16
"""What `max_output_tokens` must be at least; the server refuses less."""
_STANDARD_TIERS = (None, "auto", "default")
"""Service tiers that cost what the price list says; the others' prices are not known."""

ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
"""As in `openai.types.responses.ServiceTier`."""


class OpenAIBackend(ResponsesBackend):
    """A model of OpenAI.

    Args:
        model: The model's name. Behind one of the o-series, the effort may stand: `o3-mini-high`.
        base_url: Where the server is; left out, `OPENAI_BASE_URL`, else OpenAI itself.
        api_key: The key.
        api_key_env: The environment variable that holds the key, when `api_key` is left out;
            without either, `OPENAI_API_KEY`.
        temperature: Sampling temperature; models that reason take none.
        max_tokens: Tokens of an answer at most, reasoning included, 16 or more.
        reasoning_effort: How much a model thinks that reasons.
        reasoning_summary: How much it tells of that; OpenAI wants some organizations verified for
            it, so it is off by default.
        service_tier: What kind of processing is paid for.
        enable_web_search: Whether the model may search the web.
        search_context_size: How much of what was found the model reads.
        enable_code_execution: Whether the model may run code in a container of OpenAI's.
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
        reasoning_effort: ReasoningEffort | None = None,
        reasoning_summary: Literal["auto", "concise", "detailed"] | None = None,
        service_tier: ServiceTier | None = None,
        enable_web_search: bool = False,
        search_context_size: Literal["low", "medium", "high"] | None = None,
        enable_code_execution: bool = False,
        enable_code_interpreter: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        at = endpoint(OPENAI, base_url, api_key, api_key_env, extra_headers)
        model, effort = _effort(model, reasoning_effort)
        self._profile = of_model(OPENAI_MODELS, model)
        wanted = _wanted(enable_web_search, enable_code_execution or enable_code_interpreter)
        _check(model, self._profile, wanted, effort, max_tokens)
        params = {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "reasoning_effort": effort,
            "reasoning_summary": reasoning_summary,
            "service_tier": service_tier,
            "search_context_size": None if enable_web_search else search_context_size,
        }
        super().__init__(
            _form(model, self._profile, wanted, search_context_size),
            at,
            Tariff(model, provider="openai"),
            params=params,
            refused=_refused(self._profile, effort),
            extra_body=extra_body,
            timeouts=Timeouts(connect_timeout_s, idle_timeout_s),
        )
        self.takes_output_schema = self._profile.schema

    @property
    def provider_name(self) -> str:
        """`openai`."""
        return "openai"

    @classmethod
    def builtin_tools_of(cls, model: str) -> frozenset[BuiltinTool]:
        """Return the builtin tools that a model of this name has."""
        return of_model(OPENAI_MODELS, model).tools

    @property
    def supported_builtin_tools(self) -> frozenset[BuiltinTool]:
        """The builtin tools that the model has."""
        return self._profile.tools

    def _uses(self) -> BuiltinUses:
        return BuiltinUses()

    def _price(self, usage: Usage, uses: Mapping[str, int], tier: str | None) -> TokenUsage:
        searches, containers = uses.get("web_search_call", 0), uses.get("containers", 0)
        used = self._tariff.usage(
            {**usage.counts(), "web_searches": searches, "containers": containers}
        )
        return used if tier in _STANDARD_TIERS else replace(used, estimated_cost=None)


def _effort(model: str, effort: ReasoningEffort | None) -> tuple[str, ReasoningEffort | None]:
    """Return the model and the effort, of which one may stand behind the model's name."""
    name, suffix = split_effort(model)
    if suffix and effort and suffix != effort:
        raise UserError(
            f"openai:{model}: the name and reasoning_effort {effort!r} contradict each other.",
            hint=f"Leave out reasoning_effort, or write the model as {name!r}.",
        )
    return name, suffix or effort


def _wanted(search: bool, code: bool) -> tuple[BuiltinTool, ...]:
    asked: dict[BuiltinTool, bool] = {"web_search": search, "code_execution": code}
    return tuple(tool for tool, on in asked.items() if on)


def _check(
    model: str,
    profile: OpenAIModel,
    wanted: tuple[BuiltinTool, ...],
    effort: ReasoningEffort | None,
    max_tokens: int | None,
) -> None:
    for tool in wanted:
        if tool not in profile.tools:
            raise UserError(
                f"openai:{model}: enable_{tool}: this model has no {tool.replace('_', ' ')}.",
                hint="Leave it out, or name another model.",
            )
    if effort == "minimal" and "web_search" in wanted and not profile.minimal_search:
        raise UserError(
            f"openai:{model}: enable_web_search: this model has no web search with the "
            "reasoning_effort 'minimal'.",
            hint="Use 'low', or leave out enable_web_search.",
        )
    if max_tokens is not None and max_tokens < _FEWEST_TOKENS:
        raise UserError(f"openai:{model}: max_tokens must be {_FEWEST_TOKENS} or more.")


def _form(
    model: str, profile: OpenAIModel, wanted: tuple[BuiltinTool, ...], size: str | None
) -> RequestForm:
    tools: list[Mapping[str, Any]] = []
    include = ["reasoning.encrypted_content"] if profile.reasons else []
    if "web_search" in wanted:
        context = {"search_context_size": size} if size else {}
        tools.append({"type": "web_search", **context})
        include.append("web_search_call.action.sources")
    if "code_execution" in wanted:
        tools.append({"type": "code_interpreter", "container": {"type": "auto"}})
        include.append("code_interpreter_call.outputs")
    return RequestForm(
        model=model,
        echo_key=f"openai:{model}",
        tools=tuple(tools),
        include=tuple(include),
        breakpoints=profile.breakpoints,
    )


def _refused(profile: OpenAIModel, effort: ReasoningEffort | None) -> dict[str, str]:
    """Return which parameters the model does not take, and why."""
    refused = {"search_context_size": "enable_web_search is off"}
    if profile.reasons is False:
        names = ("reasoning_effort", "reasoning_summary", "reasoning")
        refused |= dict.fromkeys(names, "it does not reason")
    if profile.sampling == "never":
        refused |= dict.fromkeys(("temperature", "top_p"), "it reasons")
    if profile.sampling == "at_none" and effort != "none":
        why = "it takes it with reasoning_effort 'none' alone"
        refused |= dict.fromkeys(("temperature", "top_p"), why)
    return refused
