"""What OpenAI's families of models take, by the beginning of a model's name.

Sources: https://developers.openai.com/api/docs/models (tools),
https://developers.openai.com/api/docs/guides/reasoning (efforts, sampling),
https://developers.openai.com/api/docs/guides/structured-outputs (from gpt-4o-2024-08-06 on),
https://developers.openai.com/api/docs/guides/tools-web-search (not on gpt-4.1-nano, and not on
gpt-5 with minimal effort), https://developers.openai.com/api/docs/guides/prompt-caching.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..base import BuiltinTool
from ..errors import UserError

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""As in `openai.types.ReasoningEffort`; which of them a model takes is the server's to say."""

Sampling = Literal["always", "at_none", "never"]
"""When a model takes `temperature` and `top_p`; `at_none`: if its effort is set to none."""

_BOTH: frozenset[BuiltinTool] = frozenset({"web_search", "code_execution"})
_SEARCH: frozenset[BuiltinTool] = frozenset({"web_search"})
_CODE: frozenset[BuiltinTool] = frozenset({"code_execution"})
_NONE: frozenset[BuiltinTool] = frozenset()


@dataclass(frozen=True, slots=True)
class OpenAIModel:
    """What holds for a family of models.

    Args:
        reasons: Whether it reasons; None where that is not known, and nothing is held back.
        sampling: When it takes sampling parameters.
        tools: Which builtin tools it has.
        breakpoints: Whether its cache is looked up at explicit breakpoints alone.
        minimal_search: Whether it searches the web with minimal effort, too.
        schema: Whether its reply can be held to a JSON schema.
    """

    reasons: bool | None = None
    sampling: Sampling = "always"
    tools: frozenset[BuiltinTool] = _BOTH
    breakpoints: bool = False
    minimal_search: bool = True
    schema: bool = True


_CHAT = OpenAIModel(reasons=False)
_BARE = OpenAIModel(reasons=False, tools=_NONE)
_OLD = OpenAIModel(reasons=False, tools=_NONE, schema=False)
_O_SERIES = OpenAIModel(reasons=True, sampling="never")
_O_CODE = OpenAIModel(reasons=True, sampling="never", tools=_CODE)
_GPT_5 = OpenAIModel(reasons=True, sampling="never", minimal_search=False)
_GPT_5_1 = OpenAIModel(reasons=True, sampling="at_none")
_NEWEST = OpenAIModel(reasons=True, sampling="at_none", breakpoints=True)

OPENAI_MODELS: Mapping[str, OpenAIModel] = {
    "": OpenAIModel(),
    "gpt-": _NEWEST,
    "gpt-3.5": _OLD,
    "gpt-4": _OLD,
    "gpt-4o": _CHAT,
    "gpt-4o-2024-05": OpenAIModel(reasons=False, schema=False),
    "gpt-4o-audio": _OLD,
    "gpt-4.1": _CHAT,
    "gpt-4.1-nano": OpenAIModel(reasons=False, tools=_CODE),
    "gpt-4.5": _BARE,
    "gpt-5": _GPT_5,
    "gpt-5.": _NEWEST,
    "gpt-5-chat": _CHAT,
    "gpt-5-pro": OpenAIModel(reasons=True, sampling="never", tools=_SEARCH),
    "gpt-5.1": _GPT_5_1,
    "gpt-5.1-chat": _CHAT,
    "gpt-5.2": _GPT_5_1,
    "gpt-5.2-chat": _CHAT,
    "gpt-5.3": _GPT_5_1,
    "gpt-5.3-chat": _CHAT,
    "gpt-5.4": _GPT_5_1,
    "gpt-5.5": _GPT_5_1,
    "gpt-audio": _OLD,
    "gpt-oss": OpenAIModel(reasons=True),
    "chatgpt-": OpenAIModel(reasons=False, schema=False),
    "o1": _O_CODE,
    "o1-mini": OpenAIModel(reasons=True, sampling="never", tools=_CODE, schema=False),
    "o1-preview": OpenAIModel(reasons=True, sampling="never", tools=_CODE, schema=False),
    "o3": _O_SERIES,
    "o3-mini": _O_CODE,
    "o4-": _O_SERIES,
}

_SUFFIXES: tuple[ReasoningEffort, ...] = ("low", "medium", "high")
_SUFFIXED = ("o1", "o3", "o4")
_BASES = ("o1", "o1-mini", "o1-pro", "o3", "o3-mini", "o3-pro", "o4-mini")
_NAMES = ("mini", "pro", "preview", "deep", "research")
"""What may stand behind an o-series model as a part of its name, beside dates."""


def split_effort(model: str) -> tuple[str, ReasoningEffort | None]:
    """Return an o-series model and the effort that is written behind it: `o3-mini-high`.

    Raises:
        UserError: When another word is written there.
    """
    name, _, last = model.rpartition("-")
    for effort in _SUFFIXES:
        if last.lower() == effort and name.lower().startswith(_SUFFIXED):
            return name, effort
    if name.lower() in _BASES and last.isalpha() and last.lower() not in _NAMES:
        raise UserError(
            f"openai: {last!r} is no reasoning effort; known: {', '.join(_SUFFIXES)}.",
            hint=f"The model is {name!r}.",
        )
    return model, None
