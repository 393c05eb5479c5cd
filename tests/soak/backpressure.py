"""A run of very many chunks whose reader stops reading: nothing waits, and memory is bounded.

`python -m tests.soak.backpressure KIND AGENTS CHUNKS` runs one; without KIND all of them, each in
a process of its own. The last line of stdout is an object of figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

from massgraph import Agent, Policy, Team
from massgraph.nodes.events import AgentStatus, Delta, Event

from .babble import PIECE, Babbler, Kind
from .cases import run_cases
from .peak import Peak

MOST_MIB = 64.0
"""What a run of a million chunks may grow by, in MiB."""

KINDS: tuple[Kind, ...] = get_args(Kind)
OPEN: dict[str, Any] = {
    "single": "coordinate",
    "round_deadline_s": 1e6,
    "run_deadline_s": 1e7,
    "idle_timeout_s": None,
    "call_timeout_s": None,
}
"""A team that coordinates also alone, without deadlines: the machine may be slow."""


async def stalled(kind: Kind, agents: int, chunks: int, db: str | None = None) -> list[Event]:
    """Run a team whose reader reads one event, waits for the end, and then reads the rest.

    Args:
        kind: What the agents say very much of.
        agents: How many agents there are; each says an equal part.
        chunks: How many chunks all agents say together; of a final answer, the one that presents.
        db: Where the thread is kept; None for nowhere.
    """
    each = chunks if kind == "final" else chunks // agents
    team = Team([Agent(f"a{n}", Babbler(kind, each)) for n in range(agents)], Policy(**OPEN), db=db)
    async with team, team.start("What?") as run:
        events = run.events()
        first = await anext(events)
        result = await run.result()
        assert result.outcome == "settled", result
        return [first, *[event async for event in events]]


def check(events: Iterable[Event], kind: Kind, agents: int, chunks: int) -> int:
    """Assert that nothing is lost, and return how many events there were."""
    events = list(events)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "run_finished"
    ended = Counter(event.agent for event in events if event.type == "turn_ended")
    assert ended == {f"a{n}": 2 for n in range(agents)}, ended
    said = sum(len(event.delta) for event in events if isinstance(event, Delta))
    wanted = 0 if kind == "status" else PIECE * chunks
    assert wanted <= said <= wanted + 100 * agents, (said, wanted)
    last = [event.status for event in events if isinstance(event, AgentStatus)]
    assert bool(last) == (kind == "status")
    return len(events)


def measured(kind: Kind, agents: int, chunks: int, db: str | None = None) -> dict[str, Any]:
    """Return the figures of one run, after a small one that loads everything."""
    asyncio.run(stalled(kind, agents, 2000, db))
    began = time.process_time()
    with Peak() as peak:
        events = asyncio.run(stalled(kind, agents, chunks, db))
    seconds = time.process_time() - began
    return {
        "chunks": chunks,
        "growth_mib": peak.growth_mib,
        "events": check(events, kind, agents, chunks // agents * agents),
        "chunks_per_cpu_s": round(chunks / seconds),
    }


MILLION = 1_000_000
SHORT = 200_000

CASES: dict[tuple[Kind, int], int] = {
    ("content", 1): MILLION,
    ("content", 3): SHORT,
    ("reasoning", 1): SHORT,
    ("reasoning", 3): SHORT,
    ("answer", 1): MILLION,
    ("answer", 3): SHORT,
    ("final", 1): SHORT,
    ("final", 3): SHORT,
    ("mixed", 1): SHORT,
    ("mixed", 3): MILLION,
    ("status", 1): SHORT,
    ("status", 3): SHORT,
}
"""How many chunks the short form takes; the full one takes a million of each."""


def main() -> int:
    """Run one case, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", choices=KINDS)
    parser.add_argument("agents", nargs="?", type=int, default=1)
    parser.add_argument("chunks", nargs="?", type=int, default=MILLION)
    parser.add_argument("--db", help="where the thread is kept; left out, nowhere")
    parser.add_argument("--short", action="store_true", help="most cases with fewer chunks")
    given = parser.parse_args()
    if given.kind is not None:
        figures = measured(given.kind, given.agents, given.chunks, given.db)
        print(json.dumps(figures))
        return int(figures["growth_mib"] > MOST_MIB)
    cases = {
        f"{kind}, {agents} agent{'s' if agents > 1 else ''}": [
            kind,
            str(agents),
            str(chunks if given.short else MILLION),
            *(["--db", given.db] if given.db else []),
        ]
        for (kind, agents), chunks in CASES.items()
    }
    return run_cases("tests.soak.backpressure", cases)


if __name__ == "__main__":
    sys.exit(main())
