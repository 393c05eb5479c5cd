"""Runs that are cut, again and again, and go on from what is stored of them."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from massgraph import Run, RunError
from massgraph.graphs.running import BrokenRunError
from massgraph.nodes.events import Event, RunFinished, RunResumed, RunStarted
from massgraph.nodes.record import fold_events
from massgraph.outcomes import OVER

from .checks import check_attempts, check_counted, check_said
from .disk import CALL, Disk, DiskStore
from .scenario import Scenario, scenario
from .weather import SavingError, ShuffledLoop, SlowSaver, has_cause
from .witness import Witness

THREAD = "t"
MOST_CUTS = 3
ORDERED = 0.5
"""The share of stories in which a person orders something."""

Cut = Literal["cancel", "die", "none"]
"""How an attempt ends: its caller cancels it, its process dies, or it may go on to its end."""


@dataclass
class Attempt:
    """One attempt of a run.

    Args:
        setting: Who works.
        cut: How it is to end.
        run: Its handle, once there is one.
        events: What it has told.
        result: What it came to; None where its process died.
        broke: Whether it broke because its store did: it may have told its end nevertheless.
        left: What its process has left.
        witness: Who looks into the journal while it runs, where there is one.
        begun: How many requests each backend had got before.
    """

    setting: Scenario
    cut: Cut
    run: Run | None = None
    events: list[Event] = field(default_factory=list)
    result: dict[str, Any] | None = None
    broke: bool = False
    left: DiskStore | SlowSaver | None = None
    witness: Witness | None = None
    begun: Counter[str] = field(default_factory=Counter)


class Story:
    """A run from its first attempt to its last.

    Args:
        seed: What everything follows from.
        graph: The graph's name.
        some_time: Waits until an attempt is to be cut.
    """

    def __init__(
        self, seed: int, graph: str, some_time: Callable[[random.Random], Awaitable[None]]
    ) -> None:
        self._seed, self._graph, self._some_time = seed, graph, some_time
        self._rng = random.Random(f"resume {seed}")
        weather = scenario(seed, graph).saver
        self.store: DiskStore | None = None
        self.saver = weather
        if self._rng.random() < 0.75:
            self.store = DiskStore(weather, f"{seed}")
        self.attempts: list[Attempt] = []
        self.jumped = 0.0
        self._least_t = 0.0
        self.answers: dict[str, None] = {}
        self.given: dict[str, set[str]] = {}

    def play(self) -> list[Event]:
        """Play the whole story, and return the events of all attempts."""
        for number in range(1, MOST_CUTS + 2):
            last = number == MOST_CUTS + 1
            cut: Cut = "none" if last else self._rng.choice(["cancel", "cancel", "die", "die"])
            attempt = self._attempt(number, cut)
            result = attempt.result
            if result is not None and result["outcome"] in OVER and not attempt.broke:
                break
        self._check()
        return self.events

    @property
    def events(self) -> list[Event]:
        """The events of all attempts; a checkpointer alone does not number them."""
        return [
            dataclasses.replace(event, run_attempt=number)
            for number, attempt in enumerate(self.attempts, 1)
            for event in attempt.events
        ]

    def _attempt(self, number: int, cut: Cut) -> Attempt:
        before = self.attempts[-1] if self.attempts else None
        setting = before.setting if before is not None and self._rng.random() < 0.3 else None
        if setting is None or (before is not None and before.cut == "die"):
            setting = self._new_setting(number)
        setting.calls.answers |= self.answers
        setting.calls.given = self.given
        if self.store is not None:
            self.store.replies.begin()
        attempt = Attempt(setting, cut, begun=Counter(setting.calls.begun))
        if self.store is not None:
            attempt.witness = Witness(self.store.replies, CALL.get, setting.agents)
        setting.team.observers = [] if attempt.witness is None else [attempt.witness]
        self.attempts.append(attempt)
        loop = ShuffledLoop(f"{self._seed} {number}", setting.jumps)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(self._go_on(attempt))
            except RuntimeError:
                if attempt.left is None:
                    raise
        self.jumped += loop.jumped
        self.answers |= setting.calls.answers
        self._look_at(attempt)
        return attempt

    def _new_setting(self, number: int) -> Scenario:
        if self.store is None:
            return scenario(self._seed, self._graph, attempt=number, saver=self.saver)
        setting = scenario(
            self._seed, self._graph, attempt=number, saver=self.saver, storage=Disk(self.store)
        )
        setting.calls.check = self.store.replies.check
        return setting

    def _die(self, attempt: Attempt, told: list[Event]) -> None:
        """Let the process die: nothing that happens from now on has happened."""
        seed = f"{self._seed} {len(self.attempts)}"
        attempt.events = list(told)
        if attempt.witness is not None:
            attempt.witness.is_dead = True
        attempt.left = (self.store or self.saver).copied(seed)
        asyncio.get_running_loop().stop()

    async def _go_on(self, attempt: Attempt) -> None:
        told: list[Event] = []
        run = await self._started(attempt)
        if attempt.witness is not None:
            attempt.witness.ledger = run._run._live.ledger
            self._order(attempt.setting, run)
        reader = asyncio.create_task(_read(run, told))
        match attempt.cut:
            case "none":
                cutter = None
            case "cancel":
                cutter = asyncio.create_task(self._cancel(run))
            case "die":
                cutter = asyncio.create_task(self._dies(attempt, told))
        attempt.result = await self._ended(attempt, run)
        await reader
        if cutter is not None:
            cutter.cancel()
            await asyncio.wait({cutter})
        await run.aclose()
        attempt.events = told
        await self.saver.idle()
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left and self.saver.failed:  # LangGraph leaves a step that fails while it is cancelled
            left = (await asyncio.wait(left, timeout=5.0))[1]
        assert not left, f"S11: tasks outlived the run: {left}"

    async def _started(self, attempt: Attempt) -> Run:
        """Begin the run, or go on with it; one that had told nothing may have to be begun."""
        team = attempt.setting.team
        if len(self.attempts) == 1 or not await self._is_known():
            told = {event.type for event in self.events}
            assert told <= {"run_started", "run_finished"}, "S7: a run that has begun is not stored"
            return team.start("What?", thread_id=THREAD)
        return team.start(None, thread_id=THREAD)

    def _order(self, setting: Scenario, run: Run) -> None:
        """Let a person stop agents and ask them afresh, in half of the stories with a journal."""
        if random.Random(f"orders {self._seed}").random() >= ORDERED:
            return
        rng = random.Random(f"orders {self._seed} {len(self.attempts)}")
        for _ in range(rng.choice([0, 1, 1, 2, 4])):
            deed = rng.choice([run.cancel_agent, run.retry_agent, run.retry_agent])
            after_s = rng.choice([0.1, 1.0, 5.0, 30.0]) * rng.random()
            loop = asyncio.get_running_loop()
            loop.call_later(after_s, deed, rng.choice(setting.agents))

    async def _is_known(self) -> bool:
        """Return whether anything is stored of the run."""
        if self.store is not None:
            assert self.store.index is not None
            return await self.store.index.get(THREAD) is not None
        return any(self.saver.storage.get(THREAD, {}).values())

    async def _cancel(self, run: Run) -> None:
        await self._time_to_cut()
        run.cancel()

    async def _dies(self, attempt: Attempt, told: list[Event]) -> None:
        await self._time_to_cut()
        self._die(attempt, told)

    async def _time_to_cut(self) -> None:
        """Wait for some time, or until a reply is stored: what follows is what a crash spoils."""
        number = len(self.attempts)
        rng = random.Random(f"cut {self._seed} {number}")
        if self.store is None or rng.random() < 0.5:
            await self._some_time(self._rng)
            return
        for _ in range(rng.choice([1, 1, 2, 3, 5])):
            self.store.replies.news.clear()
            await self.store.replies.news.wait()

    async def _ended(self, attempt: Attempt, run: Run) -> dict[str, Any]:
        try:
            return (await run.result()).to_dict()
        except RunError as exc:
            broken = exc
        attempt.broke = True
        assert has_cause(broken, SavingError), f"a run broke, and its store did not: {broken!r}"
        assert isinstance(broken, BrokenRunError), "a broken run has no result"
        return dict(broken.result)

    def _look_at(self, attempt: Attempt) -> None:
        first = attempt.events[0] if attempt.events else None
        if isinstance(first, RunStarted):
            self._least_t = 0.0
        elif isinstance(first, RunResumed) and self.store is not None:
            what = f"S7: {self._least_t:g} s are stored, and the run goes on at {first.t:g} s"
            assert first.t >= self._least_t - 0.001, what
        if attempt.left is not None:
            attempt.result = None
            self._take_over(attempt.left)
            return
        assert attempt.setting.calls.running == 0, "S11: a call or a tool outlived its run"
        assert isinstance(attempt.events[-1], RunFinished), "S6: an end is told"
        assert attempt.events[-1].result == attempt.result, "S7: the result is another"
        state: Mapping[str, Any] = first.state if isinstance(first, RunResumed) else {}
        begun = attempt.setting.calls.begun - attempt.begun
        check_counted(begun, attempt.events[-1].result, state.get("usage", {}))
        self._least_t = attempt.events[-1].result["duration_s"]

    def _take_over(self, left: DiskStore | SlowSaver) -> None:
        if isinstance(left, DiskStore):
            self.store, self.saver = left, left.slow
        else:
            self.saver = left

    def _check(self) -> None:
        setting, events, last = self.attempts[-1].setting, self.events, self.attempts[-1]
        check_attempts(setting, events, self.jumped)
        for attempt in self.attempts:
            assert not attempt.setting.calls.problems, attempt.setting.calls.problems
        setting.calls.answers |= self.answers
        check_said(setting, events)
        if self.store is not None:
            assert not self.store.replies.problems, self.store.replies.problems
        result = last.result
        assert result is not None, "L1: a run that nobody cuts has a result"
        if last.broke:  # it may have told its end, which could not be stored
            assert result["outcome"] in (*OVER, "failed")
            return
        assert result["outcome"] in OVER, "L1: a run that nobody cuts comes to its end"
        config: Any = {"configurable": {"thread_id": THREAD}}
        state = setting.team.compile(self.saver).get_state(config).values
        for key, value in fold_events(events).state.items():
            assert value == state[key], f"S7: folding the events gives another {key}"
        if self.store is not None:
            self._check_paid(state["usage"])

    def _check_paid(self, usage: dict[str, Any]) -> None:
        """A reply that is stored is counted: it was taken from the journal, and not lost."""
        assert self.store is not None
        for agent, replies in self.store.replies.paid.items():
            if agent not in usage:  # one of a team inside, which another agent's usage counts
                continue
            counted = usage[agent]["calls"]
            assert counted >= replies, f"S9: {replies} replies of {agent}, {counted} counted"


async def _read(run: Run, told: list[Event]) -> None:
    async for event in run.events():
        told.append(event)  # noqa: PERF401 - another task looks at them while they come
