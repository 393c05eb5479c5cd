"""What each agent of a run has used, as a small table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Used = Mapping[str, Any]
"""An agent's usage, as in the result object."""


def _cost(used: Used) -> str:
    cost = used["cost_usd"]
    if cost is None:
        return "unknown"
    return f"${cost:.4f}" if cost < 100 else f"${cost:,.0f}"


def _count(key: str) -> Callable[[Used], str]:
    def count(used: Used) -> str:
        number = used[key]
        return f"{number:,}" if number < 10**7 else f"{number / 1e6:,.1f} M"

    return count


_COLUMNS: Mapping[str, Callable[[Used], str]] = {
    "calls": _count("calls"),
    "tokens in": _count("input_tokens"),
    "cached": _count("cached_tokens"),
    "out": _count("output_tokens"),
    "wasted": _count("wasted_tokens"),
    "cost": _cost,
}
_LEFT_OUT = ("cached", "calls", "wasted", "tokens in")
"""What is left out first where there is no room."""


def usage_table(usage: Mapping[str, Used], widest: int) -> Iterator[tuple[str | None, str]]:
    """Yield the rows of the table, whose they are before them; None for the header.

    Nothing is told of one agent alone, whose sums have been told.

    Args:
        usage: The usage of a result, by agent; its `total` gets no row.
        widest: Columns that a row may be wide.
    """
    agents = {agent: used for agent, used in usage.items() if agent != "total"}
    if len(agents) < 2 or not usage["total"]["calls"]:
        return
    columns = dict(_COLUMNS)
    if not any(used["wasted_tokens"] for used in agents.values()):
        del columns["wasted"]
    cells = {head: [tell(used) for used in agents.values()] for head, tell in columns.items()}
    wide = {head: max(map(len, (head, *column))) for head, column in cells.items()}
    for head in _LEFT_OUT:
        if sum(wide.values()) + 2 * len(wide) > widest:
            wide.pop(head, None)
    yield None, "".join(f"  {head:>{width}}" for head, width in wide.items())[2:]
    for row, agent in enumerate(agents):
        yield agent, "".join(f"  {cells[head][row]:>{wide[head]}}" for head in wide)[2:]
