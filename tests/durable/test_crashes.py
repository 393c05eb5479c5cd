"""Crashes after durable writes: a run goes on, sends nothing twice, and comes to the same end."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, cast

import pytest

from massgraph import Budget
from massgraph.graphs.resuming import Saved
from massgraph.nodes.amount import Estimate
from massgraph.nodes.ledger import Ledger, Reservation
from massgraph.nodes.live import LiveRun
from massgraph.nodes.state import no_usage

from ..soak.crash_cases import ENDLESS, Case, case
from ..soak.crash_mind import Asked
from ..soak.crash_points import CrashStorage
from ..soak.crash_runs import THREAD, Attempt, Point, check, crashed, on_loop, uncut

if TYPE_CHECKING:
    from massgraph.graphs.composition import CoordinationGraph

KINDS = {"team": 0, "refused": 0, "prebuilt": 2, "fork": 3}
"""Each of them is crashed a few times here; `python -m tests.soak.crash` does more."""


@pytest.fixture(scope="module")
def whole() -> Attempt:
    """A run of two agents that nothing has cut."""
    return uncut(case("tools", 0))


def points(attempt: Attempt, number: int) -> list[Point]:
    """Return some points of a run, from everywhere."""
    return random.Random(0).sample(attempt.points, number)


@pytest.mark.parametrize(("kind", "seed"), KINDS.items())
def test_a_crashed_run_goes_on(kind: str, seed: int) -> None:
    """After any write: nothing that is stored is sent again, and the end is the same."""
    attempt = uncut(case(kind, seed))
    for point in points(attempt, 2):
        again = crashed(attempt, point)
        if again is not None:
            check(attempt, point, again)


@pytest.mark.parametrize("kind", ["released", "budgets"])
def test_a_crashed_run_ends(kind: str) -> None:
    """Where time decides, another end is as good: within the budget, and nothing is paid twice."""
    attempt = uncut(case(kind, 1))
    [point] = points(attempt, 1)
    again = crashed(attempt, point)
    if again is not None:
        check(attempt, point, again)


def test_inner_calls_are_stored_too() -> None:
    """A team inside a team is not asked again for what it has said."""
    attempt = uncut(Case("inside", 0, ENDLESS, ("a1",), graph="single", nested=("a1",)))
    for point in [point for point in attempt.points if point.what == "store"]:
        again = crashed(attempt, point)
        assert again is not None
        check(attempt, point, again)


def test_a_run_is_crashed_twice(whole: Attempt) -> None:
    """A run that has gone on may die as well."""
    middle = whole.points[len(whole.points) // 3]
    again = crashed(whole, middle, watched=True)
    assert again is not None
    for point in random.Random(2).sample(again.points, 2):
        third = crashed(again, point)
        assert third is not None
        check(whole, point, third)
        assert third.number == again.number + (point.number > 0)


def test_before_anything_is_stored_there_is_no_thread(whole: Attempt) -> None:
    """A run that died before its first write cannot go on: nobody knows its question."""
    assert crashed(whole, whole.points[0]) is None


def test_a_question_that_was_only_noted_is_asked(whole: Attempt) -> None:
    """Between the list of threads and the first checkpoint, the run begins anew."""
    noted = whole.points[1]
    assert noted.what == "begin"
    assert not any(noted.durable.storage["t"].values())
    again = crashed(whole, noted)
    assert again is not None
    check(whole, noted, again)
    assert [event.type for event in again.told][:1] == ["run_started"]
    assert again.told[0].run_attempt == 2


def test_a_run_that_was_over_asks_nobody(whole: Attempt) -> None:
    """From its last step on, the result comes back, and the list of threads learns it."""
    over = [point for point in whole.points if point.told == len(whole.told)]
    assert {"writes", "checkpoint", "finish", "trim"} <= {point.what for point in over}
    for point in (over[0], over[-1]):
        again = crashed(whole, point)
        assert again is not None
        check(whole, point, again)
        assert not again.asked.requests
        assert [event.type for event in again.told] in (
            ["run_resumed", "run_finished"],
            ["run_resumed", "presenting_ended", "run_finished"],
        )


def test_a_reply_is_stored_before_it_is_handed_out(whole: Attempt) -> None:
    """Right after its write, nobody has acted on a reply: no event tells how its turn ended."""
    stored = [point for point in whole.points if point.what == "store"]
    assert len(stored) == sum(whole.asked.answered.values())
    again = crashed(whole, stored[0])
    assert again is not None
    check(whole, stored[0], again)
    assert len(set(again.storage.store.minutes.found)) == 1
    assert again.asked.answered.total() == whole.asked.answered.total() - 1


def test_a_stored_reply_is_used_though_the_budget_is_used_up() -> None:
    """It was paid for: the call does not go out, so no budget is asked."""
    attempt = uncut(Case("paid", 0, {**ENDLESS, "max_calls": 1}, ("a1",), graph="single"))
    point = next(point for point in attempt.points if point.what == "store")
    again = crashed(attempt, point)
    assert again is not None
    assert {**again.result, "duration_s": 0.0} == {**attempt.result, "duration_s": 0.0}
    assert not again.asked.requests


@pytest.mark.parametrize(("kind", "seed"), [("tools", 0), ("refused", 0), ("team", 1)])
def test_a_resumed_runs_budget_knows_of_all_that_is_stored(kind: str, seed: int) -> None:
    """Between a reply's write and its node's, the journal alone knows of a call: it counts once."""
    attempt = uncut(case(kind, seed))
    over = next(event for event in attempt.told if event.type == "winner_selected").seq
    before = [point for point in attempt.points if point.told < over]
    stored = [point.number for point in before if point.what == "store"]
    assert stored
    for point in [point for point in before if {point.number, point.number - 1} & {*stored}]:
        assert on_loop(0, _known(attempt, point)) == len(point.durable.calls()), point.what


async def _known(attempt: Attempt, point: Point) -> int:
    """Return how many calls a run knows of that goes on at a point, before anything is asked."""
    storage = CrashStorage(point.durable)
    live = LiveRun(thread_id=THREAD, journal=storage.store.journal)
    graph = attempt.case.team(storage, Asked(), []).compile(checkpointer=storage.store.saver)
    saved = await Saved.of(graph, {"configurable": {"thread_id": THREAD}})
    if saved is not None and saved.begun:
        for agent, usage in saved.state["usage"].items():  # as each call's account does
            live.ledger.learn(agent, usage)
        members = cast("CoordinationGraph", graph.builder).by_id
        await saved.count(live.ledger, members, storage.store.journal)
    return next(n for n in itertools.count() if _allows(live.ledger, n + 1))


def _allows(ledger: Ledger, calls: int) -> bool:
    """Return whether one more call fits, where so many are allowed."""
    held = ledger.reserve("x", Estimate(0, 0, None), run=Budget(max_calls=calls), own=Budget())
    if isinstance(held, Reservation):
        ledger.settle(held, no_usage())
    return isinstance(held, Reservation)


def test_a_follow_up_is_crashed() -> None:
    """Before `ask` is stored, the state is that of the run before; the question is not lost."""
    attempt = uncut(case("follow-up", 3))
    for point in attempt.points[:4]:
        again = crashed(attempt, point)
        assert again is not None
        check(attempt, point, again)


def test_the_check_finds_what_is_wrong(whole: Attempt) -> None:
    """A journal that forgets a reply is noticed: it is sent again."""
    point = next(point for point in whole.points if point.what == "store")
    before = whole.points[point.number - 1]
    again = crashed(whole, before)
    assert again is not None
    check(whole, before, again)
    with pytest.raises(AssertionError, match="sent again"):
        check(whole, point, again)


def test_cases_follow_from_their_seeds() -> None:
    """The same case is the same run, to the last event."""
    first, second = uncut(case("tools", 2)), uncut(case("tools", 2))
    assert isinstance(first.case, Case)
    assert [event.type for event in first.told] == [event.type for event in second.told]
    assert first.asked.sent.keys() == second.asked.sent.keys()
