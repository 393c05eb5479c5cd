"""What xAI's families of models take, by the beginning of a model's name.

Sources: https://docs.x.ai/developers/models,
https://docs.x.ai/developers/model-capabilities/text/reasoning (which take an effort),
https://docs.x.ai/developers/tools/overview (server-side tools: the grok-4 family),
https://docs.x.ai/developers/model-capabilities/text/multi-agent (effort sets the number of agents
there; it refuses function calls, which a team cannot do without).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..base import BuiltinTool

GrokEffort = Literal["none", "low", "medium", "high", "xhigh"]
"""Which of them a model takes is the server's to say."""

_BOTH: frozenset[BuiltinTool] = frozenset({"web_search", "code_execution"})
_NONE: frozenset[BuiltinTool] = frozenset()


@dataclass(frozen=True, slots=True)
class GrokModel:
    """What holds for a family of models.

    Args:
        reasons: Whether it reasons.
        effort: Whether the effort can be set.
        tools: Which server-side tools it has.
    """

    reasons: bool = True
    effort: bool = True
    tools: frozenset[BuiltinTool] = _BOTH


_ALWAYS_THINKS = GrokModel(effort=False)
_NEVER_THINKS = GrokModel(reasons=False, effort=False)

GROK_MODELS: Mapping[str, GrokModel] = {
    "": GrokModel(),
    "grok-2": GrokModel(reasons=False, effort=False, tools=_NONE),
    "grok-3": GrokModel(reasons=False, effort=False, tools=_NONE),
    "grok-3-mini": GrokModel(tools=_NONE),
    "grok-4": _ALWAYS_THINKS,
    "grok-4-fast-non-reasoning": _NEVER_THINKS,
    "grok-4-1-fast-non-reasoning": _NEVER_THINKS,
    "grok-4.": GrokModel(),
    "grok-4.20": _ALWAYS_THINKS,
    "grok-4.20-non-reasoning": _NEVER_THINKS,
    "grok-4.20-0309-non-reasoning": _NEVER_THINKS,
    "grok-4.20-multi-agent": GrokModel(),
    "grok-code-fast": GrokModel(effort=False, tools=_NONE),
}
