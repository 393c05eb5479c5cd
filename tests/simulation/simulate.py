"""Run one seed, and check everything: `python -m tests.simulation.simulate SEED` replays it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from massgraph.nodes.events import Event, event_to_json
from massgraph.nodes.live import LiveRun

from .chaos import Scenario, ShuffledLoop, scenario
from .invariants import Checker


def simulate(seed: int) -> list[Event]:
    """Run the scenario of a seed on its own event loop, and check the invariants."""
    setting = scenario(seed)
    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        events, state = runner.run(_play(setting))
    Checker(setting.policy, setting.agents).check(events, state)
    assert not setting.calls.problems, setting.calls.problems
    assert setting.calls.running == 0, "S11: a provider call outlived its run"
    return events


async def _play(setting: Scenario) -> tuple[list[Event], dict[str, Any]]:
    events: list[Event] = []
    live = LiveRun(sink=events.append, thread_id=f"seed-{setting.seed}")
    graph = setting.team.compile()
    state = await graph.ainvoke({"messages": [("human", "What?")]}, context=live)
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"S11: tasks outlived the run: {left}"
    return events, state


def command(seed: int) -> str:
    """Return the command that replays a seed."""
    return f"python -m tests.simulation.simulate {seed}"


if __name__ == "__main__":
    for event in simulate(int(sys.argv[1])):
        sys.stdout.write(event_to_json(event) + "\n")
