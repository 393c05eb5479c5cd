"""What a call costs: tokens and searches by genai-prices, other builtin tools by a table of ours.

A price that is not known makes the whole call's price unknown, never 0. The prices are those that
were shipped with the installed genai-prices; nothing is looked up over the network.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from .usage import TokenUsage

logger = logging.getLogger("massgraph")

Counts = Mapping[str, int]
"""What a call used, in genai-prices' units: `input_tokens` (cached ones included),
`cache_read_tokens`, `cache_write_tokens`, `output_tokens`, `output_reasoning_tokens`,
`web_searches`, ...; and `containers`, `fetches`, ... of the table below."""

TOOL_PRICES: Mapping[str, Mapping[str, float]] = {
    # https://developers.openai.com/api/docs/pricing: a container of 1 GB, for 20 minutes.
    "openai": {"containers": 0.03},
    # https://platform.claude.com/docs/en/about-claude/pricing: $0.05 an hour, 5 minutes at least;
    # fetching a page costs its tokens alone.
    "anthropic": {"containers": 0.05 / 12, "fetches": 0.0},
    # https://ai.google.dev/gemini-api/docs/pricing: both cost their tokens alone.
    "google": {"code_executions": 0.0, "fetches": 0.0},
    # https://docs.x.ai/developers/pricing: $5 for 1,000 calls of each server-side tool.
    "x-ai": {
        "web_search_calls": 0.005,
        "x_search_calls": 0.005,
        "code_interpreter_calls": 0.005,
    },
}
"""US dollars for one use of a builtin tool: provider -> unit."""

_OUR_UNITS = frozenset(unit for table in TOOL_PRICES.values() for unit in table)


def load_prices() -> None:
    """Import the prices; it takes long the first time, so call it in a thread."""
    Tariff("", provider="openai").cost({"input_tokens": 1})  # the table is built at the first look


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one model costs at one provider.

    Args:
        model: The model.
        provider: The provider's name in genai-prices; None where only the URL tells.
        url: The server's base URL, where `provider` is None.
    """

    model: str
    provider: str | None = None
    url: str | None = None

    def usage(self, counts: Counts) -> TokenUsage:
        """Return what a call used, with its price.

        Args:
            counts: The provider's own figures, by unit.
        """
        return TokenUsage(
            input_tokens=counts.get("input_tokens", 0),
            output_tokens=counts.get("output_tokens", 0),
            cached_tokens=counts.get("cache_read_tokens", 0),
            reasoning_tokens=counts.get("output_reasoning_tokens", 0),
            estimated_cost=self.cost(counts),
        )

    def cost(self, counts: Counts) -> float | None:
        """Return the price in US dollars, or None when any part of it is not known."""
        from genai_prices import Usage, calc_price

        units = {unit: count for unit, count in counts.items() if count}
        ours = {unit: units.pop(unit) for unit in (*units,) if unit in _OUR_UNITS}
        table = TOOL_PRICES.get(self.provider or "", {})
        try:
            usage = Usage(**units)
            if self.provider:
                found = calc_price(usage, self.model, provider_id=self.provider)
            else:
                found = calc_price(usage, self.model, provider_api_url=self.url)
        except LookupError:
            return None
        except ValueError as exc:  # more cached tokens than tokens, and the like
            logger.warning(
                "The usage of %s makes no sense, its price is unknown: %s", self.model, exc
            )
            return None
        searches = [unit for unit in units if unit.endswith("searches")]
        priced = all(getattr(found.model_price, f"{unit}_kcount", None) for unit in searches)
        if not priced or not ours.keys() <= table.keys():
            return None
        return float(found.total_price) + sum(n * table[unit] for unit, n in ours.items())
