"""Very many runs in one process: nothing of a run stays behind.

`python -m tests.soak.leaks WAY RUNS` measures one way to run a team; without WAY all of them, each
in a process of its own. The last line of stdout is an object of figures.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import psutil

from massgraph import Agent, Policy, ScriptedBackend, Team
from massgraph.graphs.composition import CoordinationGraph, TeamGraph

from .cases import run_cases

MOST_KIB = 1.0
"""What a run may leave behind, in KiB: the slope of a line through the samples."""

MOST_BLOCKS = 8.0
"""The same in blocks of Python's allocator, some 100 bytes each."""

FEW = 1000
"""Fewer runs than these are judged by blocks alone."""

MOST_BLOCKS_OF_FEW = 25.0
"""Caches still fill, such as that of `re`; a run that is kept has a thousand blocks and more."""

SHORT = {"reused": 2000}
"""How many runs the short form takes of a case, where they are not 200."""

SAMPLES = 20
"""How often the memory is looked at, after a warm-up of a tenth of the runs."""

TURNS: list[dict[str, Any]] = [
    {"reasoning": "Let me see.", "new_answer": "Forty-two, of course.", "when": "no_answers"},
    {"text": "I agree.", "vote": "first", "reason": "It is right.", "when": "answers"},
    {"text": "The answer is forty-two.", "when": "present"},
]
QUESTION = "What is six times seven?"

Once = Callable[[], Awaitable[None]]


def team(db: str | None = None) -> Team:
    """Return a team of three that answers, votes and presents."""
    agents = [Agent(name, ScriptedBackend(TURNS)) for name in ("alice", "bob", "carol")]
    return Team(agents, Policy(), db=db)


async def anew(db: str | None) -> None:
    """Make a team, watch its run to the end, and close it: what the CLI does."""
    async with team(db) as fresh:
        await watched(fresh)


async def watched(team: Team) -> None:
    """Run a team, and read its events."""
    async with team.start(QUESTION) as run:
        events = [event async for event in run]
        assert (await run.result()).outcome == "settled"
    assert events[-1].type == "run_finished"


async def unread(team: Team) -> None:
    """Run a team whose reader reads one event, and goes away."""
    async with team.start(QUESTION) as run:
        await anext(run.events())
        await run.result()


async def cancelled(team: Team) -> None:
    """Cancel a run in its middle."""
    async with team.start(QUESTION) as run:
        async for event in run:
            if event.type == "answer_text":
                run.cancel()
        assert (await run.result()).outcome == "cancelled"


async def plain(graph: TeamGraph) -> None:
    """Run a plain graph, without a context."""
    state = await graph.ainvoke({"messages": [("human", QUESTION)]})
    assert state["outcome"] == "settled"


def forgetful(graph: TeamGraph) -> TeamGraph:
    """Return a graph that remembers few runs that were left, so that a leak shows soon."""
    builder = graph.builder
    assert isinstance(builder, CoordinationGraph)
    builder.desk._most = 10
    return graph


async def broken_off(graph: TeamGraph) -> None:
    """Begin a run of a plain graph, and leave it in its middle."""
    async for _, event in graph.astream(
        {"messages": [("human", QUESTION)]}, stream_mode="custom", subgraphs=True
    ):
        if event.type == "answer_text":
            break


def ways(db: str | None) -> dict[str, Callable[[], Once]]:
    """Return the ways to run a team: each makes what is used again and again, and runs it once."""
    return {
        "anew": lambda: partial(anew, db),
        "reused": lambda: partial(watched, team(db)),
        "unread": lambda: partial(unread, team(db)),
        "cancelled": lambda: partial(cancelled, team(db)),
        "plain": lambda: partial(plain, team().compile()),
        "broken_off": lambda: partial(broken_off, forgetful(team().compile())),
    }


HELD = ("handles", "tasks", "threads")


async def held() -> dict[str, int]:
    """Return what a process may leak besides memory, once asyncio has done what is due."""
    await asyncio.sleep(0.01)
    gc.collect()
    counts = (psutil.Process().num_fds(), len(asyncio.all_tasks()), threading.active_count())
    return dict(zip(HELD, counts, strict=True))


async def soaked(once: Once, runs: int) -> dict[str, Any]:
    """Run something again and again, and return the figures of what it leaves behind.

    Memory is the resident memory of the process, and the blocks that Python has allocated, after a
    collection of garbage; the figures are the slopes of lines through the samples.
    """
    step = max(1, runs // SAMPLES)
    for _ in range(max(3, runs // 10)):
        await once()
    before = await held()
    points: list[tuple[int, float, int]] = []
    for number in range(1, runs + 1):
        await once()
        if number % step == 0:
            gc.collect()
            points.append((number, psutil.Process().memory_info().rss, sys.getallocatedblocks()))
    at, rss, blocks = zip(*points, strict=True)
    after = await held()
    return {
        "runs": runs,
        "kib_a_run": round(statistics.linear_regression(at, rss).slope / 1024, 2),
        "blocks_a_run": round(statistics.linear_regression(at, blocks).slope, 2),
        **{what: after[what] - before[what] for what in before},
    }


def is_clean(figures: dict[str, Any]) -> bool:
    """Return whether nothing stayed behind.

    Over few runs the resident memory says nothing: the allocator takes it in big pieces.
    """
    left = max(figures[what] for what in HELD)
    if figures["runs"] < FEW:
        return left <= 0 and figures["blocks_a_run"] <= MOST_BLOCKS_OF_FEW
    return left <= 0 and (
        figures["kib_a_run"] <= MOST_KIB and figures["blocks_a_run"] <= MOST_BLOCKS
    )


def main() -> int:
    """Run one case, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", nargs="?", choices=list(ways(None)))
    parser.add_argument("runs", nargs="?", type=int, default=2000)
    parser.add_argument("--db", help="where the threads are kept; left out, nowhere")
    parser.add_argument("--short", action="store_true", help="most cases with fewer runs")
    given = parser.parse_args()
    if given.way is not None:
        figures = asyncio.run(_soaked(given.way, given.runs, given.db))
        print(json.dumps(figures))
        return int(not is_clean(figures))
    more = ["--db", given.db] if given.db else []
    cases = {
        way: [way, str(SHORT.get(way, 200) if given.short else 2000), *more] for way in ways(None)
    }
    return run_cases("tests.soak.leaks", cases)


async def _soaked(way: str, runs: int, db: str | None) -> dict[str, Any]:
    return await soaked(ways(db)[way](), runs)


if __name__ == "__main__":
    sys.exit(main())
