"""What calls use, in the terms of a budget: what was used, and what a call will probably use."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..backends.base import LLMBackend, ToolSchema
from .budget import BudgetFields
from .state import Usage

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

logger = logging.getLogger("massgraph")

HAIR = 1e-9
"""What sums of dollars may be off by."""

Which = Literal["max_calls", "max_tokens", "max_cost_usd"]


@dataclass(frozen=True, slots=True)
class Amount:
    """What calls use, in the terms of a budget."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0

    @classmethod
    def of(cls, usage: Usage) -> Amount:
        """Return what was used; a price that is not known adds nothing."""
        tokens = usage["input_tokens"] + usage["output_tokens"] + usage["wasted_tokens"]
        return cls(usage["calls"], tokens, usage["cost_usd"] or 0.0)

    def __add__(self, other: Amount) -> Amount:
        """Return the sum."""
        return Amount(
            self.calls + other.calls, self.tokens + other.tokens, self.cost_usd + other.cost_usd
        )

    def at_least(self, other: Amount) -> Amount:
        """Return the larger one of each figure."""
        return Amount(
            max(self.calls, other.calls),
            max(self.tokens, other.tokens),
            max(self.cost_usd, other.cost_usd),
        )

    def over(self, budget: BudgetFields) -> Which | None:
        """Return which limit of a budget this is more than, if any."""
        if budget.max_calls is not None and self.calls > budget.max_calls:
            return "max_calls"
        if budget.max_tokens is not None and self.tokens > budget.max_tokens:
            return "max_tokens"
        if budget.max_cost_usd is not None and self.cost_usd > budget.max_cost_usd + HAIR:
            return "max_cost_usd"
        return None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call will probably use: one call, its input and a reply.

    Args:
        input_tokens: Tokens that are sent.
        output_tokens: Tokens that may come back.
        cost_usd: US dollars; None where the price is not known.
    """

    input_tokens: int
    output_tokens: int
    cost_usd: float | None

    @property
    def amount(self) -> Amount:
        """The estimate in the terms of a budget; an unknown price counts nothing."""
        return Amount(1, self.input_tokens + self.output_tokens, self.cost_usd or 0.0)


def expected(
    backend: LLMBackend,
    messages: Sequence[AnyMessage],
    tools: Sequence[ToolSchema],
    *,
    longest: int,
) -> Estimate:
    """Return what a call will probably use.

    Args:
        backend: Who is asked.
        messages: The conversation.
        tools: What may be called.
        longest: The tokens of a reply, where the backend sets no limit to it.
    """
    texts = [text for message in messages for text in _texts(message)]
    for tool in tools:
        texts += tool.name, tool.description, json.dumps(dict(tool.parameters))
    sent = backend.estimate_tokens("\n".join(texts))
    replied = backend.longest_reply or longest
    return Estimate(sent, replied, _price(backend, sent, replied))


def _price(backend: LLMBackend, sent: int, replied: int) -> float | None:
    try:
        return backend.estimate_cost(sent, replied)
    except Exception:  # a call is not lost for want of its price
        logger.warning("%s can't tell what a call costs.", backend.provider_name, exc_info=True)
        return None


def _texts(message: AnyMessage) -> list[str]:
    calls = getattr(message, "tool_calls", ())
    return [message.text, *(json.dumps(call["args"], default=str) for call in calls)]
