"""Run a case without a crash, crash it after any of its writes, and check how it goes on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from massgraph import Threads, UserError
from massgraph.nodes.events import Event
from massgraph.nodes.record import fold_events
from massgraph.outcomes import OVER
from massgraph.verify import verify

from ..simulation.weather import ShuffledLoop
from .crash_cases import Case, Told
from .crash_mind import Asked
from .crash_points import CrashStorage, Durable

T = TypeVar("T")

THREAD = "t"


@dataclass(frozen=True, slots=True)
class Point:
    """A moment right after a durable write.

    Args:
        number: Its number in the attempt, from 0: before the first write.
        what: What was written.
        durable: All that is stored.
        told: How many events the attempt had told.
        broken: Which replies had broken off.
        sent: What had been sent; see Asked.
    """

    number: int
    what: str
    durable: Durable
    told: int
    broken: frozenset[str]
    sent: dict[str, str]


@dataclass(slots=True)
class Attempt:
    """One attempt of a run, which came to its end.

    Args:
        case: What is run.
        thread_id: Its thread.
        before: The events of the attempts before it.
        number: Its number.
    """

    case: Case
    thread_id: str
    before: Told
    number: int
    told: Told = field(default_factory=list)
    asked: Asked = field(default_factory=Asked)
    points: list[Point] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    storage: CrashStorage = field(default_factory=CrashStorage)

    def watch(self) -> None:
        """Keep a point of the store as it is, and one after each write."""
        self._note("begin")
        self.storage.store.on_write = self._note

    def _note(self, what: str) -> None:
        broken = frozenset(self.asked.broken)
        durable = self.storage.store.durable()
        sent = dict(self.asked.sent)
        self.points.append(Point(len(self.points), what, durable, len(self.told), broken, sent))

    async def run(self, question: str | None, *, watched: bool) -> None:
        """Run it to its end."""
        if watched:
            self.watch()
        team = self.case.team(self.storage, self.asked, self.told)
        async with team, team.start(question, thread_id=self.thread_id) as run:
            self.result = (await run.result()).to_dict()
        self.storage.store.on_write = lambda _: None
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks are left: {left}"
        assert not self.asked.running, "a call outlived its run"


def on_loop(seed: int, coro: Coroutine[Any, Any, T]) -> T:
    """Run on a virtual clock, in an order that follows from a seed."""
    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        return runner.run(coro)


def uncut(case: Case) -> Attempt:
    """Run a case to its end, and keep a point after each write of its last run."""
    return on_loop(case.seed, _uncut(case))


async def _uncut(case: Case) -> Attempt:
    storage = CrashStorage()
    *earlier, last = case.questions
    for question in [*earlier, *([last] if case.fork else [])]:
        await Attempt(case, THREAD, [], 1, storage=storage).run(question, watched=False)
    if not case.fork:
        whole = Attempt(case, THREAD, [], 1, storage=storage)
        await whole.run(last, watched=True)
        return whole
    threads = Threads(storage)
    steps = [step for step in await threads.steps(THREAD) if step.next]
    step = random.Random(case.seed).choice(steps)
    fork = await threads.fork(THREAD, step=step.number, to="fork")
    whole = Attempt(case, fork, [], 2, storage=storage)
    await whole.run(None, watched=True)
    return whole


def crashed(attempt: Attempt, point: Point, *, watched: bool = False) -> Attempt | None:
    """Go on where an attempt died at a point; return None where nothing was stored by then.

    Args:
        attempt: The attempt.
        point: Where it died.
        watched: Whether points are kept, to crash this attempt in turn.

    Raises:
        AssertionError: When the run does not go on as it must, by itself.
    """
    case, row = attempt.case, point.durable.row(attempt.thread_id)
    before = [*attempt.before, *attempt.told[: point.told]]
    again = Attempt(case, attempt.thread_id, before, row["attempts"] + 1 if row else 0)
    again.storage = CrashStorage(point.durable)
    again.asked.broken = set(point.broken)
    try:
        on_loop(case.seed + point.number, again.run(None, watched=watched))
    except UserError:
        if row is not None or again.asked.requests or point.durable.storage.get(again.thread_id):
            raise
        return None
    return again


def check(whole: Attempt, point: Point, again: Attempt) -> None:
    """Check an attempt that goes on, against what was stored and against the uncut run.

    Args:
        whole: The run that nothing has cut.
        point: Where the attempt before this one died.
        again: The attempt.

    Raises:
        AssertionError: When something is wrong.
    """
    row = point.durable.row(again.thread_id)
    assert row is not None
    if row["runs"] < len(whole.case.questions):  # the last question was not noted yet
        assert not again.asked.requests
        assert {**again.result, "duration_s": 0.0} == {**row["result"], "duration_s": 0.0}
        return
    _check_calls(whole, point, again)
    _check_result(whole, again)
    _check_events(again)


def _check_calls(whole: Attempt, point: Point, again: Attempt) -> None:
    """No stored call is sent again, and nothing is sent that the uncut run has not sent."""
    stored = point.durable.calls()
    minutes = again.storage.store.minutes
    twice = [key for key in minutes.stored if key in stored or key in minutes.found]
    assert not twice, f"stored calls were sent again: {twice}"
    had = Counter(
        request for key, request in stored.items() if key.thread_id == again.thread_id and request
    )
    # After a deadline, a later round may ask the very same: that is another call.
    ends_early = again.case.policy["round_deadline_s"] < 1e6
    for request, times in again.asked.answered.items() if not ends_early else ():
        most = max(whole.asked.answered[request], 1)
        assert times + had[request] <= most, f"{request} is stored, and was sent again"
    for request, whole_text in again.asked.sent.items():
        assert point.sent.get(request, whole_text) == whole_text, "a request differs in its bytes"
    if again.case.exact:
        strange = again.asked.sent.keys() - whole.asked.sent.keys()
        assert not strange, f"requests that the uncut run has not sent: {strange}"


def _check_result(whole: Attempt, again: Attempt) -> None:
    case = again.case
    if not case.exact:
        assert again.result["outcome"] in OVER, again.result["outcome"]
        most = case.policy.get("max_calls")
        if most is not None:
            used = again.result["usage"]["total"]["calls"]
            assert used <= most, f"{used} calls, and {most} are allowed"
        return
    free = {"duration_s"} | (set() if case.spent else {"usage"})
    for key, value in whole.result.items():
        assert key in free or again.result[key] == value, (
            f"{key} is {again.result[key]!r}, and was {value!r} in the uncut run"
        )


def _check_events(again: Attempt) -> None:
    told = again.told
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert {event.run_attempt for event in told} == {again.number}
    assert told[-1].type == "run_finished"
    events = [*again.before, *told]
    verified = verify(events, slack_s=2.0)
    assert verified.ok, f"{len(again.before)} events before: {verified.violations[0]}"
    state = on_loop(0, _state(again))
    for folded in (told, events):
        _check_fold(folded, state)


def _check_fold(events: list[Event], state: dict[str, Any]) -> None:
    for key, value in fold_events(events).state.items():
        assert value == state[key], f"folding gives another {key}: {value!r}, stored {state[key]!r}"


async def _state(again: Attempt) -> dict[str, Any]:
    store = again.storage.store
    config: Any = {"configurable": {"thread_id": again.thread_id}}
    found = await store.saver.aget_tuple(config)
    row = await store.index.get(again.thread_id) if store.index else None
    assert row is not None
    assert (row.status, row.attempts) == (again.result["outcome"], again.number), row
    assert row.result == again.result
    assert found is not None
    return found.checkpoint["channel_values"]
