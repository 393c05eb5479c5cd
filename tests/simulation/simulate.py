"""Run one seed, and check everything.

`python -m tests.simulation.simulate FAMILY SEED` replays it: `whole`, `read`, `cancel`, `resume`,
or one of the four in another graph, such as `cancel-debate`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from langchain_core.messages import HumanMessage

from massgraph import Run, RunError
from massgraph.graphs.running import BrokenRunError
from massgraph.nodes.budget import Budget
from massgraph.nodes.events import Event, event_to_json
from massgraph.nodes.live import LiveRun
from massgraph.outcomes import OVER

from .checks import check_counted, check_cut, check_end, check_events, check_whole
from .fast import quick_building
from .resuming import Story
from .scenario import GRAPHS, Scenario, scenario
from .schema import check_schema
from .weather import MANNERS, SavingError, ShuffledLoop, has_cause, read

T = TypeVar("T")


def simulate(seed: int, graph: str = "team") -> list[Event]:
    """Run the scenario of a seed on its own event loop, and check the invariants."""
    setting = scenario(seed, graph)
    (events, state), jumped = _run(setting, _play(setting))
    check_whole(setting, events, state, jumped)
    for agent in setting.team.agents:
        most = Budget.of(agent.budget).max_calls
        used = state["usage"].get(agent.id, {"calls": 0})
        assert most is None or used["calls"] <= most, "S8: more calls than an agent may"
    check_end(setting, events)
    return events


def simulate_read(seed: int, graph: str = "team") -> list[Event]:
    """Start the run of a seed over a slow store, read it in one of several manners, and check."""
    setting = scenario(seed, graph)
    (events, result, whole), jumped = _run(setting, _play_read(setting))
    if whole:
        check_cut(setting, events, result, jumped)
    else:
        check_events(setting, events, jumped)
    check_end(setting, events)
    return events


def simulate_cancel(seed: int, graph: str = "team") -> list[Event]:
    """Cancel the run of a seed at some time, in one of several ways, and check how it ends."""
    setting = scenario(seed, graph)
    (events, result), jumped = _run(setting, _play_cancelled(setting))
    check_cut(setting, events, result, jumped)
    check_end(setting, events)
    check_counted(setting.calls.begun, result, {})
    return events


def simulate_resume(seed: int, graph: str = "team") -> list[Event]:
    """Cut the run of a seed several times, go on with what is stored, and check how it ends."""
    return Story(seed, graph, _some_time).play()


def _run(setting: Scenario, coro: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """Run on the scenario's event loop; return also how many seconds its clock has jumped."""
    loop = ShuffledLoop(setting.seed, setting.jumps)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(coro), loop.jumped


async def _play(setting: Scenario) -> tuple[list[Event], dict[str, Any]]:
    events: list[Event] = []
    live = LiveRun(sink=events.append, thread_id=f"seed-{setting.seed}")
    graph = setting.team.compile()
    _order(setting, live)
    state = await graph.ainvoke({"messages": [HumanMessage("What?")]}, context=live)
    await _no_task_is_left()
    return events, state


def _order(setting: Scenario, live: LiveRun) -> None:
    """Let a person stop agents and ask them afresh, at any time, in three of five runs."""
    rng, loop = random.Random(setting.seed), asyncio.get_running_loop()
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        orders = live.orders(rng.choice(setting.agents))
        deed = rng.choice([orders.cancel, orders.retry])
        loop.call_later(rng.choice([0.0, 0.1, 1.0, 5.0, 30.0]) * rng.random(), deed)


async def _play_read(setting: Scenario) -> tuple[list[Event], dict[str, Any], bool]:
    rng = random.Random(f"read {setting.seed}")
    run = setting.team.start("What?", thread_id=f"seed-{setting.seed}")
    manner = rng.choice(MANNERS)
    reader = asyncio.create_task(read(run, manner, rng))
    result = await _ended(setting, run)
    events = await reader
    await run.aclose()
    assert run.status == result["outcome"]
    if result["outcome"] != "failed":
        assert result["outcome"] in OVER, "nobody cancelled the run"
    await setting.saver.idle()
    await _no_task_is_left(broken=bool(setting.saver.failed))
    return events, result, manner != "leaves"


async def _ended(setting: Scenario, run: Run) -> dict[str, Any]:
    """Return the result, also of a run that broke because its store did."""
    try:
        return (await run.result()).to_dict()
    except RunError as exc:
        broken = exc
    assert setting.saver.failed, "a run broke, and its store did not"
    assert has_cause(broken, SavingError), "the cause is not chained"
    result = broken.result if isinstance(broken, BrokenRunError) else None
    assert result is not None, "a broken run has no result"
    return dict(result)


async def _play_cancelled(setting: Scenario) -> tuple[list[Event], dict[str, Any]]:
    rng = random.Random(f"cancel {setting.seed}")
    run = setting.team.start("What?", thread_id=f"seed-{setting.seed}")
    reader = asyncio.create_task(read(run, "prompt", rng))
    waiter = asyncio.create_task(_ended(setting, run))
    await _some_time(rng)
    status = run.status
    match rng.choice(["cancel", "twice", "close", "leave", "waiter"]):
        case "cancel":
            run.cancel()
        case "twice":
            run.cancel()
            await asyncio.sleep(rng.choice([0, 0.1]))
            run.cancel()
        case "close":
            await run.aclose()
        case "leave":  # as a task that uses the run as a context manager is cancelled
            user = asyncio.create_task(_uses(run))
            await asyncio.sleep(0)
            user.cancel()
            await asyncio.wait({user})
        case _:  # who waits is cancelled: the run goes on, until it is
            other = asyncio.create_task(run.result())
            await asyncio.sleep(0)
            other.cancel()
            await asyncio.wait({other})
            assert run.status == status or run.status in (*OVER, "failed")
            status = run.status
            run.cancel()
    result, events = await waiter, await reader
    await run.aclose()
    assert run.status == result["outcome"]
    if status == "running":
        assert result["outcome"] in (*OVER, "cancelled", "failed")
    else:
        assert result["outcome"] == status, "S6: cancelling changed the outcome of a finished run"
    await setting.saver.idle()
    await _no_task_is_left(broken=bool(setting.saver.failed))
    return events, result


async def _uses(run: Run) -> None:
    async with run:
        await asyncio.Event().wait()


async def _some_time(rng: random.Random) -> None:
    """Wait for no time at all, for some seconds, or for some steps of the event loop."""
    match rng.choice(["now", "seconds", "seconds", "steps", "steps", "steps"]):
        case "seconds":
            await asyncio.sleep(rng.choice([0.0, 0.1, 1.0, 5.0, 30.0]) * rng.random())
        case "steps":
            loop, come = asyncio.get_running_loop(), asyncio.Event()
            assert isinstance(loop, ShuffledLoop)
            step = int(1000 ** rng.random())
            loop.at_step(step, come.set)
            loop.call_later(3600, come.set)  # where the run is over before
            await come.wait()
        case _:
            pass


async def _no_task_is_left(*, broken: bool = False) -> None:
    """Check that nothing goes on.

    Args:
        broken: Whether the store has broken: a graph that is cancelled while it stops its steps
            for that leaves them to end by themselves. So does a clock that jumps while a run
            waits for its stragglers: all its patience is over at once.
    """
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    jumped = getattr(asyncio.get_running_loop(), "jumped", 0.0)
    if left and (broken or jumped):
        left = (await asyncio.wait(left, timeout=5.0))[1]
    assert not left, f"S11: tasks outlived the run: {left}"


DEEDS: dict[str, Callable[..., list[Event]]] = {
    "whole": simulate,
    "read": simulate_read,
    "cancel": simulate_cancel,
    "resume": simulate_resume,
}

FAMILIES: dict[str, Callable[[int], list[Event]]] = {
    **DEEDS,
    **{
        f"{name}-{graph}": partial(deed, graph=graph)
        for graph in GRAPHS
        for name, deed in DEEDS.items()
    },
}

SHARES = {"whole": 41, "read": 5, "cancel": 46, "resume": 8}
"""How many of a hundred seeds are of which family."""


def drawn(number: int) -> str:
    """Return the family that the seed of this number is of, where all are mixed."""
    rng = random.Random(f"family {number}")
    deed = rng.choices(list(SHARES), list(SHARES.values()))[0]
    return _in_a_graph(deed, rng)


def drawn_resumed(number: int) -> str:
    """Return the family that the seed of this number is of, where all runs are cut and go on."""
    return _in_a_graph("resume", random.Random(f"resumed {number}"))


def _in_a_graph(deed: str, rng: random.Random) -> str:
    graph = rng.choice(["team"] * 6 + list(GRAPHS))
    return deed if graph == "team" else f"{deed}-{graph}"


def play(family: str, seed: int) -> list[Event]:
    """Run a seed, and check everything; what it raises tells how to replay it."""
    try:
        with quick_building():
            events = FAMILIES[family](seed)
            check_schema(events)
            return events
    except Exception as exc:
        raise AssertionError(f"{exc}\nReplay it: {command(family, seed)}") from exc


def command(family: str, seed: int) -> str:
    """Return the command that replays a seed."""
    return f"python -m tests.simulation.simulate {family} {seed}"


if __name__ == "__main__":
    for event in play(sys.argv[1], int(sys.argv[2])):
        sys.stdout.write(event_to_json(event) + "\n")
