"""What the models of the Gemini API take: data, by how a model's name begins.

Sources (November 2026), below https://ai.google.dev/gemini-api/docs/:

- builtin tools beside functions, from Gemini 3 on: `generate-content/tool-combination`; a response
  schema beside builtin tools, from Gemini 3 on: `structured-output`; earlier models answer both
  with "Tool use with ... is unsupported";
- thinking levels: `generate-content/thinking`, `generate-content/latest-model`,
  `whats-new-gemini-3.5`; efforts as budgets: `openai`, the limits of budgets: `thinking`;
- sampling parameters that are ignored, penalties that are refused, from Gemini 3.6 and
  3.5 Flash-Lite on: `generate-content/whats-new-gemini-3.6`;
- signatures that must come back: `thought-signatures`;
- searches are billed by query from Gemini 3 on, by prompt before: `pricing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ..base import BuiltinTool
from ..profile import of_model

Effort = Literal["none", "minimal", "low", "medium", "high"]

_ALL_TOOLS: frozenset[BuiltinTool] = frozenset(("web_search", "code_execution", "url_context"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a model takes.

    Args:
        builtin: The builtin tools that it has.
        functions: Whether it takes declarations of functions.
        combines: Whether it takes them beside builtin tools.
        schema: Whether it takes a response schema, beside builtin tools, too.
        holds: Whether it takes one without them.
        validates: Whether its calls can be held to their schemas (`VALIDATED`).
        signs: Whether it signs its calls, and wants the signatures back.
        thoughts: Whether it shows what it thinks.
        efforts: Reasoning effort -> the thinking level, or the budget in tokens.
        system: Whether it takes a system instruction.
        searches: What is billed: each query, or each prompt that led to a search.
        refused: Parameters that it does not take -> why.
    """

    builtin: frozenset[BuiltinTool] = _ALL_TOOLS
    functions: bool = True
    combines: bool = True
    schema: bool = True
    holds: bool = True
    validates: bool = True
    signs: bool = True
    thoughts: bool = True
    efforts: Mapping[Effort, str | int] = field(default_factory=dict[Effort, str | int])
    system: bool = True
    searches: Literal["query", "prompt"] = "query"
    refused: Mapping[str, str] = field(default_factory=dict[str, str])


_LOW_TO_HIGH: Mapping[Effort, str | int] = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_ALL_LEVELS: Mapping[Effort, str | int] = {"minimal": "MINIMAL", **_LOW_TO_HIGH}
_BUDGETS: Mapping[Effort, str | int] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
}

_IGNORED = "the API ignores it for this model"
_NO_PENALTY = "the API refuses it for this model"
_SAMPLING = {
    "temperature": _IGNORED,
    "top_p": _IGNORED,
    "top_k": _IGNORED,
    "frequency_penalty": _NO_PENALTY,
    "presence_penalty": _NO_PENALTY,
}

_LATEST = Profile(efforts=_LOW_TO_HIGH, refused=_SAMPLING)
_THREE = replace(_LATEST, refused={})
_FLASH_THREE = replace(_THREE, efforts=_ALL_LEVELS)
_TWO_FIVE = Profile(
    combines=False,
    schema=False,
    signs=False,
    efforts={"none": 0, **_BUDGETS},
    searches="prompt",
)
_TWO = replace(
    _TWO_FIVE,
    builtin=frozenset(("web_search", "code_execution")),
    validates=False,
    thoughts=False,
    efforts={},
)
_IMAGES = replace(
    _THREE, builtin=frozenset(("web_search",)), functions=False, thoughts=True, efforts={}
)
_GEMMA = replace(_TWO, builtin=frozenset(), functions=False, system=False, holds=False)

PROFILES: Mapping[str, Profile] = {
    "": _THREE,  # a name that somebody has given to a model of their own
    "gemini-": _LATEST,
    "gemini-1.": _TWO,
    "gemini-2.0-": _TWO,
    "gemini-2.0-flash-lite": replace(_TWO, builtin=frozenset()),
    "gemini-2.5-": _TWO_FIVE,
    "gemini-2.5-pro": replace(_TWO_FIVE, efforts=_BUDGETS),  # it cannot stop thinking
    "gemini-2.5-flash-image": replace(
        _TWO, builtin=frozenset(), functions=False, combines=False, schema=True
    ),
    "gemini-3-pro": replace(_THREE, efforts={"low": "LOW", "high": "HIGH"}),
    "gemini-3-pro-image": _IMAGES,
    "gemini-3-flash": _FLASH_THREE,
    "gemini-3.1-": _THREE,
    "gemini-3.1-flash-image": _IMAGES,
    "gemini-3.1-flash-lite": _FLASH_THREE,
    "gemini-3.5-flash": _FLASH_THREE,
    "gemini-3.5-flash-lite": replace(_FLASH_THREE, refused=_SAMPLING),
    "gemini-3.6-flash": replace(_LATEST, efforts=_ALL_LEVELS),
    "gemini-pro-latest": _THREE,  # 3.1 Pro
    "gemini-flash-lite-latest": replace(_FLASH_THREE, refused=_SAMPLING),
    "gemma-": _GEMMA,
    "gemma-4": replace(_GEMMA, functions=True, system=True),
}


def profile_of(model: str) -> Profile:
    """Return what a model takes; what is not known is taken for one of today's."""
    return of_model(PROFILES, model)


def levels_of(profile: Profile) -> str:
    """Return the reasoning efforts that a model knows, in words."""
    return ", ".join(profile.efforts) or "none at all"
