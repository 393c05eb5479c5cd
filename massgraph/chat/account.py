"""Account: what a conversation has used, run by run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..display.usage_table import usage_table
from ..nodes.state import Usage, add_usage

_WIDEST = 70
"""Characters of a row, less the agent's name."""


class Account:
    """The usage of the runs of a conversation, by thread.

    A run that went on after it was cancelled counts once: its last result has all of it.
    """

    def __init__(self) -> None:
        self._threads: dict[str, list[Mapping[str, Usage]]] = {}

    def add(self, result: Mapping[str, Any], *, resumed: bool) -> None:
        """Take the result of a run in.

        Args:
            result: The result object.
            resumed: Whether the run went on with the thread's last one.
        """
        runs = self._threads.setdefault(result["thread_id"], [])
        if resumed and runs:
            runs.pop()
        runs.append(cast("Mapping[str, Usage]", result["usage"]))

    def told(self, thread_id: str) -> Iterator[str]:
        """Give out what a thread has used here: its last run, and all of them."""
        runs = self._threads.get(thread_id, [])
        if not runs:
            yield "nothing was used on this thread yet"
            return
        yield from _section("the last run", runs[-1])
        if len(runs) > 1:
            yield from _section(f"all {len(runs)} runs of this chat on the thread", _sum(runs))


def _sum(runs: list[Mapping[str, Usage]]) -> dict[str, Usage]:
    total: dict[str, Usage] = {}
    for run in runs:
        for agent, used in run.items():
            total[agent] = add_usage(total[agent], used) if agent in total else used
    return total


def _section(what: str, usage: Mapping[str, Usage]) -> Iterator[str]:
    total = usage["total"]
    cost = "cost unknown" if total["cost_usd"] is None else f"${total['cost_usd']:.4f}"
    calls = f"{total['calls']} call{'' if total['calls'] == 1 else 's'}"
    tokens = f"{total['input_tokens']:,} tokens in, {total['output_tokens']:,} out"
    yield f"{what}: {calls}, {tokens}, {cost}"
    width = max((len(agent) for agent in usage if agent != "total"), default=0)
    for agent, row in usage_table(usage, _WIDEST):
        yield f"  {agent or '':<{width}}  {row}"
