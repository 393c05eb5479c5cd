"""Run one seed, and check everything.

`python -m tests.simulation.simulate FAMILY SEED` replays it: `whole`, `cancel`, `resume`, or one of
the three in another graph, such as `cancel-debate`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from langgraph.checkpoint.memory import InMemorySaver

from massgraph.nodes.agent_turn import CANCELLED
from massgraph.nodes.events import Event, RoundOpened, TurnEnded, TurnStarted, event_to_json
from massgraph.nodes.live import LiveRun
from massgraph.nodes.record import fold_events
from massgraph.verify.checker import Checker
from massgraph.verify.oracle import Polls

from .chaos import ShuffledLoop
from .scenario import GRAPHS, Scenario, scenario

T = TypeVar("T")


def simulate(seed: int, graph: str = "team") -> list[Event]:
    """Run the scenario of a seed on its own event loop, and check the invariants."""
    setting = scenario(seed, graph)
    events, state = _run(seed, _play(setting))
    checker_of(setting).check(events, state)
    for agent in setting.team.agents:
        most = (agent.budget or {}).get("max_calls")
        uses = [u["calls"] for a, u in state["usage"].items() if a.split("_")[0] == agent.id]
        assert most is None or max(uses, default=0) <= most, "S8: more calls than an agent may"
    _nothing_is_left(setting)
    return events


def checker_of(setting: Scenario) -> Checker:
    """Return what checks the runs of a scenario."""
    return Checker(setting.policy, setting.agents, setting.graph)


def simulate_cancel(seed: int, graph: str = "team") -> list[Event]:
    """Cancel the run of a seed at some time, in one of several ways, and check how it ends."""
    setting = scenario(seed, graph)
    events, result = _run(seed, _play_cancelled(setting))
    checker_of(setting).check_cancelled(events, result)
    _nothing_is_left(setting)
    for agent in [agent.id for agent in setting.team.agents]:
        begun = setting.calls.begun[agent]
        uses = [used for one, used in result["usage"].items() if one.split("_")[0] == agent]
        counted = sum(used["calls"] + used["retries"] for used in uses)
        assert counted >= begun, f"S8: {begun} requests of {agent}, {counted} counted"
    return events


def simulate_resume(seed: int, graph: str = "team") -> list[Event]:
    """Cancel the run of a seed at some time, go on with a new graph, and check how it ends."""
    first, second = scenario(seed, graph), scenario(seed, graph)
    before, after = _run(seed, _play_resumed(first, second))
    _nothing_is_left(first)
    _nothing_is_left(second)
    return [*before, *after]


def _run(seed: int, coro: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        return runner.run(coro)


async def _play(setting: Scenario) -> tuple[list[Event], dict[str, Any]]:
    events: list[Event] = []
    live = LiveRun(sink=events.append, thread_id=f"seed-{setting.seed}")
    graph = setting.team.compile()
    _order(setting, live)
    state = await graph.ainvoke({"messages": [("human", "What?")]}, context=live)
    await _no_task_is_left()
    return events, state


def _order(setting: Scenario, live: LiveRun) -> None:
    """Let a person stop agents and ask them afresh, at times of any kind, in half of the runs."""
    rng, loop = random.Random(setting.seed), asyncio.get_running_loop()
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        orders = live.orders(rng.choice(setting.agents))
        deed = rng.choice([orders.cancel, orders.retry])
        loop.call_later(rng.choice([0.0, 0.1, 1.0, 5.0, 30.0]) * rng.random(), deed)


async def _play_cancelled(setting: Scenario) -> tuple[list[Event], dict[str, Any]]:
    rng = random.Random(setting.seed)
    run = setting.team.start("What?")
    reader = asyncio.create_task(_read(run.events()))
    waiter = asyncio.create_task(run.result())
    await _some_time(rng)
    status = run.status
    match rng.choice(["cancel", "twice", "close"]):
        case "cancel":
            run.cancel()
        case "twice":
            run.cancel()
            await asyncio.sleep(rng.choice([0, 0.1]))
            run.cancel()
        case _:
            await run.aclose()
    result, events = await waiter, await reader
    await run.aclose()
    assert run.status == result.outcome
    if status == "running":
        assert result.outcome in ("cancelled", "settled", "no_answer")
    else:
        assert result.outcome == status, "S6: cancelling changed the outcome of a finished run"
    await _no_task_is_left()
    return events, result.to_dict()


async def _play_resumed(first: Scenario, second: Scenario) -> tuple[list[Event], list[Event]]:
    rng = random.Random(first.seed)
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "t"}}
    before: list[Event] = []
    live = LiveRun(sink=before.append, thread_id="t")
    begun = first.team.compile(saver)
    task = asyncio.create_task(
        begun.ainvoke({"messages": [("human", "What?")]}, config, context=live)
    )
    await _some_time(rng)
    task.cancel()
    await asyncio.wait({task})
    cancelled_at = live.now
    await live.aclose()
    await _no_task_is_left()
    if not task.cancelled():
        return before, []
    saved = await begun.aget_state(config)
    if not saved.next:
        return before, []
    after: list[Event] = []
    live = LiveRun(sink=after.append, thread_id="t", run_attempt=2)
    state: Any = await second.team.compile(saver).ainvoke(None, config, context=live)
    await _no_task_is_left()
    _check_resumed(first, (before, after), cancelled_at, state)
    return before, after


def _check_resumed(
    setting: Scenario,
    events: tuple[list[Event], list[Event]],
    cancelled_at: float,
    state: dict[str, Any],
) -> None:
    """L1, S3 to S7 and S9, as far as they reach over a break."""
    before, after = events
    checker = checker_of(setting)
    assert after[-1].type == "run_finished", "L1: a resumed run comes to its end"
    for event in after:
        checker.in_order(event)
        checker.last = event
        assert event.run_attempt == 2
    done = {
        event.agent: event.round
        for event in before
        if isinstance(event, TurnEnded) and event.why != CANCELLED and event.t < cancelled_at
    }
    for event in after:
        if isinstance(event, RoundOpened):
            break
        if isinstance(event, TurnStarted):
            assert done.get(event.agent) != event.round, "S9: who had finished was called again"
    folded = fold_events([*before, *after]).state
    for key in ("answers", "votes", "ballots", "failures", "winner", "settled_by", "dissent"):
        assert folded[key] == state[key], f"S7: folding both attempts gives other {key}"
    assert state["outcome"] in ("settled", "no_answer")
    assert after[-1].result["outcome"] == state["outcome"]  # type: ignore[union-attr]
    answers = {agent: answer["epoch"] for agent, answer in state["answers"].items()}
    assert all(n <= setting.policy.max_answers_per_agent for n in state["drafts"].values()), "S8"
    if state["outcome"] == "no_answer":
        assert not answers, "S5: there is an answer"
    else:
        votes = state["votes"]
        assert {v["candidate"] for v in votes.values()} <= set(answers), "S4: no current answer"
        assert all(v["epoch"] == state["epoch"] for v in votes.values()), "S2: stale vote"
        if setting.graph != "mixture":  # where nobody votes
            live = set(setting.agents) - set(state["failures"])
            polls = Polls(setting.policy, setting.agents, votes, answers, live)
            assert state["winner"] == polls.winner, "S5: the winner is not the rule's"


async def _some_time(rng: random.Random) -> None:
    await asyncio.sleep(rng.choice([0.0, 0.1, 1.0, 5.0, 30.0]) * rng.random())


async def _read(events: Any) -> list[Event]:
    return [event async for event in events]


async def _no_task_is_left() -> None:
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"S11: tasks outlived the run: {left}"


def _nothing_is_left(setting: Scenario) -> None:
    assert not setting.calls.problems, setting.calls.problems
    assert setting.calls.running == 0, "S11: a provider call or a tool outlived its run"


FAMILIES: dict[str, Callable[[int], list[Event]]] = {
    "whole": simulate,
    "cancel": simulate_cancel,
    "resume": simulate_resume,
    **{f"whole-{graph}": partial(simulate, graph=graph) for graph in GRAPHS},
    **{f"cancel-{graph}": partial(simulate_cancel, graph=graph) for graph in GRAPHS},
    **{f"resume-{graph}": partial(simulate_resume, graph=graph) for graph in GRAPHS},
}


def command(family: str, seed: int) -> str:
    """Return the command that replays a seed."""
    return f"python -m tests.simulation.simulate {family} {seed}"


if __name__ == "__main__":
    for event in FAMILIES[sys.argv[1]](int(sys.argv[2])):
        sys.stdout.write(event_to_json(event) + "\n")
