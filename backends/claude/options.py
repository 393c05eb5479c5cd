"""From what a person sets to what a Claude model takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..base import BuiltinTool, ToolSchema
from ..errors import UserError
from ..profile import taken
from ..tool_choice import WORDS, ChoiceForm, offered
from .models import WIRE_NAMES, Effort, Profile

# https://platform.claude.com/docs/en/api/versioning
_GONE = "sampling parameters are gone from Anthropic's API since its version 2026-10-21"
_SAMPLING: Mapping[str, str] = {"temperature": _GONE, "top_p": _GONE, "top_k": _GONE}
_SMALLEST_BUDGET = 1024
_FORCING = ("any", "tool")
_CHOICES = ChoiceForm(
    {word: {"type": word} for word in WORDS}, lambda name: {"type": "tool", "name": name}
)

logger = logging.getLogger("massgraph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is sent with each request.

    Args:
        params: Keys of the body.
        unsent: What was set, and is not sent: name -> why.
        thinks_by_itself: Whether `thinking` is in `params` only so that it is shown.
        forced: Whether a call can be forced: no model takes that while it is told to think.
    """

    params: Mapping[str, Any]
    unsent: Mapping[str, str] = field(default_factory=dict[str, str])
    thinks_by_itself: bool = False
    forced: bool = True

    def offer(
        self, tools: Sequence[ToolSchema], params: Mapping[str, Any], model: str
    ) -> tuple[Sequence[ToolSchema], Mapping[str, Any]]:
        """Return the tools of one request, and its parameters with the choice of one on the wire.

        A call that cannot be forced is not: the chosen tool alone is offered then.

        Args:
            tools: What the model may call.
            params: The keys of this call.
            model: The model, for a warning about what it does not take.
        """
        choice = params.get("tool_choice")
        params = {**params, "tool_choice": _CHOICES.wire(choice, tools)} if choice else params
        if not forces(params) or (self.forced and params.get("thinking") is None):
            return tools, params
        logger.warning("claude:%s cannot be forced to call a tool: tool_choice is not sent.", model)
        named = params["tool_choice"].get("name")
        return offered(tools, named), {**params, "tool_choice": None}

    def merged(self, params: Mapping[str, Any], model: str) -> dict[str, Any]:
        """Return the keys of one request's body.

        Args:
            params: The keys of this call, over those of the backend; None leaves one out.
            model: The model, for a warning about what it does not take.
        """
        left_out = {name: None for name, value in params.items() if value is None}
        mine, _ = taken(params, _SAMPLING, model=model)
        merged = {**self.params, **left_out, **mine}
        if forces(merged) and self.thinks_by_itself and "thinking" not in params:
            merged.pop("thinking", None)
        return merged


def forces(params: Mapping[str, Any]) -> bool:
    """Return whether a request forces the model to call a tool."""
    choice = params.get("tool_choice")
    return isinstance(choice, Mapping) and choice.get("type") in _FORCING


def settings(
    model: str,
    profile: Profile,
    *,
    temperature: float | None,
    max_tokens: int | None,
    reasoning_effort: Effort | None,
    thinking_budget: int | None,
    builtin: Sequence[Mapping[str, Any]],
    extra_body: Mapping[str, Any],
) -> Settings:
    """Return what is sent with each request.

    Raises:
        UserError: When a value, or a combination, cannot work on this model.
    """
    _check_effort(model, profile, reasoning_effort)
    given = {
        "temperature": temperature,
        "reasoning_effort": reasoning_effort,
        "thinking_budget": thinking_budget,
    }
    refused = {**_SAMPLING, **_refused(profile, thinking_budget)}
    sent, unsent = taken(given, refused, model=model)
    extra, more_unsent = taken(extra_body, _SAMPLING, model=model)
    budget, effort = sent.get("thinking_budget"), sent.get("reasoning_effort")
    params: dict[str, Any] = {"max_tokens": _most(model, profile, max_tokens, budget)}
    thinking = _thinking(profile, effort, budget)
    if thinking:
        params["thinking"] = thinking
    if effort:
        params["output_config"] = {"effort": effort}
    if effort and isinstance(extra.get("output_config"), Mapping):
        extra["output_config"] = {**params["output_config"], **extra["output_config"]}
    params.update(extra)
    params["tools"] = [*builtin, *(extra.get("tools") or ())]
    asked = bool(sent.keys() & {"reasoning_effort", "thinking_budget"}) or "thinking" in extra
    told = asked and _is_on(params.get("thinking"))
    _check_choice(model, profile, params, asked=told)
    return Settings(
        params=params,
        unsent={**unsent, **more_unsent},
        thinks_by_itself=not asked,
        forced=profile.forced and not told,
    )


def builtin_tools(
    model: str,
    profile: Profile,
    enabled: Mapping[BuiltinTool, str | None],
    max_searches: int | None,
) -> list[dict[str, Any]]:
    """Return the builtin tools of each request.

    Args:
        model: The model, for messages.
        profile: What it takes.
        enabled: Builtin tool -> the setting that switched it on, None where it is off.
        max_searches: Searches within one answer at most.

    Raises:
        UserError: When the model lacks one of them.
    """
    tools: list[dict[str, Any]] = []
    for tool, setting in enabled.items():
        if setting is None:
            continue
        if tool not in profile.tools:
            raise UserError(
                f"claude:{model}: {setting}: this model has no "
                f"{WIRE_NAMES[tool].replace('_', ' ')}.",
                hint=f"Leave {setting} out, or take a newer model.",
            )
        tools.append({"type": profile.tools[tool], "name": WIRE_NAMES[tool]})
        if tool == "web_search" and max_searches is not None:
            tools[-1]["max_uses"] = max_searches
    if max_searches is not None and enabled.get("web_search") is None:
        raise UserError(f"claude:{model}: max_searches needs enable_web_search.")
    return tools


def _check_effort(model: str, profile: Profile, effort: Effort | None) -> None:
    if effort is not None and profile.efforts and effort not in profile.efforts:
        raise UserError(
            f"claude:{model}: reasoning_effort: this model does not take {effort!r}.",
            hint=f"It takes {', '.join(profile.efforts)}.",
        )


def _refused(profile: Profile, budget: int | None) -> dict[str, str]:
    refused: dict[str, str] = {}
    if not profile.efforts:
        other = "its thinking is set by thinking_budget" if profile.budget else "it does not think"
        refused["reasoning_effort"] = other
    if budget and not profile.budget:
        other = (
            "its thinking is set by reasoning_effort" if profile.adaptive else "it does not think"
        )
        refused["thinking_budget"] = other
    if budget == 0 and profile.off is None:
        refused["thinking_budget"] = "it always thinks; a low reasoning_effort makes it think less"
    return refused


def _most(model: str, profile: Profile, max_tokens: int | None, budget: int | None) -> int:
    """Return `max_tokens`, which the API demands, and which thinking counts towards."""
    if budget and budget < _SMALLEST_BUDGET:
        raise UserError(
            f"claude:{model}: thinking_budget must be at least {_SMALLEST_BUDGET}, or 0 for none."
        )
    if max_tokens is None:
        return min(profile.most, profile.default + (budget or 0))
    if budget and budget >= max_tokens:
        raise UserError(
            f"claude:{model}: thinking_budget ({budget}) must be less than max_tokens "
            f"({max_tokens}), which holds it."
        )
    return max_tokens


def _thinking(profile: Profile, effort: Effort | None, budget: int | None) -> dict[str, Any]:
    if budget:
        return {"type": "enabled", "budget_tokens": budget}
    if budget == 0:
        return {"type": profile.off}
    if profile.adaptive and (effort or profile.thinks):
        # Without `display`, newer models think in silence.
        return {"type": "adaptive", "display": "summarized"}
    return {}


def _is_on(thinking: Any) -> bool:
    return isinstance(thinking, Mapping) and thinking.get("type", "disabled") != "disabled"


def _check_choice(model: str, profile: Profile, params: Mapping[str, Any], *, asked: bool) -> None:
    if not forces(params):
        return
    if not profile.forced:
        raise UserError(
            f"claude:{model}: tool_choice: this model cannot be forced to call a tool.",
            hint='It takes {"type": "auto"} and {"type": "none"}.',
        )
    if asked:
        raise UserError(
            f"claude:{model}: tool_choice cannot force a call while the model thinks.",
            hint="Leave out reasoning_effort and thinking_budget, or tool_choice.",
        )
