"""What a turn used, from Anthropic's figures: the tokens of the cache stand beside the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..prices import Counts
from ..wire import Wire


class _Creation(Wire):
    ephemeral_1h_input_tokens: int | None = None


class _Details(Wire):
    thinking_tokens: int | None = None


class _Served(Wire):
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None


class Usage(Wire):
    """The figures of a frame; each is that of the whole answer so far."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Creation | None = None
    output_tokens: int | None = None
    output_tokens_details: _Details | None = None
    server_tool_use: _Served | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None

    @property
    def is_standard(self) -> bool:
        """Whether the price list holds; not for a fast or bound answer, nor one from a batch.

        https://platform.claude.com/docs/en/about-claude/pricing
        """
        return (
            self.service_tier in (None, "standard")
            and self.speed in (None, "standard")
            and self.inference_geo in (None, "global", "not_available")
        )


class Spent:
    """Adds up the answers of one turn.

    Args:
        containers_cost: Whether containers are paid for in this turn.
        container: The container that the turn begins with, which was paid for before.
    """

    def __init__(self, *, containers_cost: bool, container: str | None) -> None:
        self._before: Counter[str] = Counter()
        self._now: dict[str, int] = {}
        self._containers: set[str] = set()
        self._containers_cost, self._paid = containers_cost, container
        self.is_standard = True
        """Whether the price list holds for all answers so far."""

    def begin(self) -> None:
        """Begin the next answer of the turn."""
        self._before.update(self._now)
        self._now = {}

    def read(self, usage: Usage) -> None:
        """Take in figures, over those that the same answer has told before."""
        self.is_standard &= usage.is_standard
        self._now.update(
            {name: count for name, count in _figures(usage).items() if count is not None}
        )

    def ran_in(self, container: str) -> None:
        """Take in the container that code has run in."""
        if container != self._paid:
            self._containers.add(container)

    def counts(self) -> Counts:
        """Return what was used so far, in the units of prices."""
        total = self._before + Counter(self._now)
        read, written = total["cache_read_tokens"], total["cache_write_tokens"]
        counts = {**total, "input_tokens": total["fresh_tokens"] + read + written}
        counts.pop("fresh_tokens", None)
        if self._containers_cost and self._containers:
            counts["containers"] = len(self._containers)
        return counts


def _figures(usage: Usage) -> Mapping[str, int | None]:
    created, details, served = (
        usage.cache_creation or _Creation(),
        usage.output_tokens_details or _Details(),
        usage.server_tool_use or _Served(),
    )
    return {
        "fresh_tokens": usage.input_tokens,
        "cache_read_tokens": usage.cache_read_input_tokens,
        "cache_write_tokens": usage.cache_creation_input_tokens,
        "cache_write_1h_tokens": created.ephemeral_1h_input_tokens,
        "output_tokens": usage.output_tokens,
        "output_reasoning_tokens": details.thinking_tokens,
        "web_searches": served.web_search_requests,
        "fetches": served.web_fetch_requests,
    }
