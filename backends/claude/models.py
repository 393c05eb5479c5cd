"""What each family of Claude models takes: data, read from Anthropic's documentation.

- thinking: https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting
- effort: https://platform.claude.com/docs/en/build-with-claude/effort
- most tokens of an answer: https://platform.claude.com/docs/en/about-claude/models/overview
- schema of a reply: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
  (from 4.5 on)
- forced tool use, preserved thinking:
  https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5 (and -sonnet-5-5)
  https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
- web search: https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool
- code: https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..base import BuiltinTool

Effort = Literal["low", "medium", "high", "xhigh", "max"]
Off = Literal["disabled", "between_tools"]

_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high")
_TO_MAX: tuple[Effort, ...] = (*_TO_HIGH, "max")
_ALL: tuple[Effort, ...] = (*_TO_HIGH, "xhigh", "max")

_NEWEST: Mapping[BuiltinTool, str] = {
    "web_search": "web_search_20260318",
    "url_context": "web_fetch_20260318",
    "code_execution": "code_execution_20260521",
}
_FILTERING: Mapping[BuiltinTool, str] = {
    **_NEWEST,
    "web_search": "web_search_20260209",
    "url_context": "web_fetch_20260209",
}
_BASIC: Mapping[BuiltinTool, str] = {
    **_NEWEST,
    "web_search": "web_search_20250305",
    "url_context": "web_fetch_20250910",
}
_OLD: Mapping[BuiltinTool, str] = {**_BASIC, "code_execution": "code_execution_20250825"}

WIRE_NAMES: Mapping[BuiltinTool, str] = {
    "web_search": "web_search",
    "url_context": "web_fetch",
    "code_execution": "code_execution",
}
"""What Anthropic calls the builtin tools."""

_BRINGS_CODE = 20260209
"""Web tools from this version on run code by themselves, and code is free beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a family of models takes.

    Args:
        default: Tokens of an answer at most where nobody says otherwise, thinking included: room
            for a long answer, far below what the model can write.
        most: Tokens of an answer that the model can write.
        adaptive: Whether it takes adaptive thinking.
        budget: Whether it takes a budget of thinking tokens.
        thinks: Whether it thinks unless it is told not to.
        off: How it is told not to think; None where it always thinks.
        efforts: The efforts it takes; empty where it takes none.
        forced: Whether it takes a `tool_choice` that forces a call.
        schema: Whether its reply can be held to a JSON schema.
        bound: Whether its thinking may go back only behind the very same request.
        tools: Its builtin tools, with the version of each.
    """

    default: int = 32_000
    most: int = 128_000
    adaptive: bool = True
    budget: bool = False
    thinks: bool = False
    off: Off | None = "disabled"
    efforts: tuple[Effort, ...] = _ALL
    forced: bool = True
    schema: bool = True
    bound: bool = False
    tools: Mapping[BuiltinTool, str]


_FIVE = Profile(thinks=True, tools=_NEWEST)
_ALWAYS = replace(_FIVE, off=None)
_TODAY = replace(_ALWAYS, forced=False, bound=True)
_FOUR_SEVEN = Profile(tools=_FILTERING)
_FOUR_SIX = replace(_FOUR_SEVEN, budget=True, efforts=_TO_MAX)
_FOUR_FIVE = Profile(
    default=16_000, most=64_000, adaptive=False, budget=True, efforts=(), tools=_BASIC
)
_FOUR = replace(_FOUR_FIVE, tools=_OLD, schema=False)
_THREE = Profile(default=4_096, most=4_096, adaptive=False, efforts=(), schema=False, tools={})

PROFILES: Mapping[str, Profile] = {
    # What is not known here: a newer model, or another provider's. Everything asked for is sent.
    "": Profile(default=8_192, budget=True, tools=_NEWEST),
    "claude-": _TODAY,
    "claude-haiku-5-5": replace(_FIVE, bound=True),
    "claude-sonnet-5-5": replace(_TODAY, off="between_tools"),
    "claude-sonnet-5": _FIVE,
    "claude-opus-5-5": _TODAY,
    "claude-opus-5": _FIVE,
    "claude-fable-5-": _TODAY,
    "claude-fable-5": _ALWAYS,
    "claude-mythos-5-": _TODAY,
    "claude-mythos-5": _ALWAYS,
    "claude-mythos-preview": replace(_ALWAYS, budget=True, efforts=_TO_MAX, tools=_FILTERING),
    "claude-opus-4-8": _FOUR_SEVEN,
    "claude-opus-4-7": _FOUR_SEVEN,
    "claude-opus-4-6": _FOUR_SIX,
    "claude-sonnet-4-6": _FOUR_SIX,
    "claude-opus-4-5": replace(_FOUR_FIVE, efforts=_TO_HIGH),
    "claude-sonnet-4-5": _FOUR_FIVE,
    "claude-haiku-4-5": _FOUR_FIVE,
    "claude-sonnet-4": _FOUR,
    "claude-opus-4": replace(_FOUR, most=32_000),
    "claude-3": _THREE,
    "claude-3-5": replace(_THREE, default=8_192, most=8_192),
    "claude-3-7": replace(_FOUR, tools=_BASIC),
    "claude-2": _THREE,
}
"""How models' names begin, and what holds for them."""


def brings_code(tool: Mapping[str, Any]) -> bool:
    """Return whether a tool runs code by itself, so that code costs nothing in its request.

    https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool
    """
    kind, _, version = str(tool.get("type", "")).rpartition("_")
    return (
        kind in ("web_search", "web_fetch") and version.isdigit() and int(version) >= _BRINGS_CODE
    )
