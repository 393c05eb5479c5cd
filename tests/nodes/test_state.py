from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from massgraph.nodes.state import (
    FailureKind,
    Outcome,
    TeamState,
    Usage,
    add_usage,
    live_agents,
    newest_round,
    no_usage,
    owing_agents,
)

from .strategies import outcomes

several = st.lists(outcomes, max_size=5)
usages = st.builds(
    lambda calls, cost: Usage(**{**no_usage(), "calls": calls, "cost_usd": cost}),
    st.integers(0, 9),
    st.none() | st.integers(0, 9).map(float),
)


@given(several, several)
def test_outcomes_commute(one: list[Outcome], other: list[Outcome]) -> None:
    """It does not matter which branch of a superstep is merged first."""
    assert newest_round(one, other) == newest_round(other, one)


@given(several, several, several)
def test_outcomes_associate(a: list[Outcome], b: list[Outcome], c: list[Outcome]) -> None:
    """It does not matter which branches are merged with each other first."""
    assert newest_round(newest_round(a, b), c) == newest_round(a, newest_round(b, c))


@given(several)
def test_outcomes_are_idempotent(some: list[Outcome]) -> None:
    """A write that is replayed after a crash changes nothing."""
    once = newest_round([], some)
    assert newest_round(once, some) == once
    assert newest_round(once, once) == once


@given(several.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_outcomes_arrive_in_any_order(both: tuple[list[Outcome], list[Outcome]]) -> None:
    """The order of arrival never shows."""
    assert newest_round([], both[0]) == newest_round([], both[1])


@given(several, several)
def test_outcomes_are_of_the_newest_round(old: list[Outcome], new: list[Outcome]) -> None:
    """Each agent of the newest round is there, once, and nothing older is."""
    newest = max((o["round"] for o in old + new), default=None)
    expected = {o["agent"] for o in old + new if o["round"] == newest}
    kept = newest_round(old, new)
    assert [o["agent"] for o in kept] == sorted(expected)
    assert all(o in old + new and o["round"] == newest for o in kept)


@given(usages, usages, usages)
def test_usage_adds_up(a: Usage, b: Usage, c: Usage) -> None:
    """Usage is a sum in any order, with nothing as its zero."""
    assert add_usage(add_usage(a, b), c) == add_usage(c, add_usage(b, a))
    assert add_usage(a, no_usage()) == a


def test_a_cost_is_known_or_not() -> None:
    """A cost that nobody knows is none, never 0."""
    known = Usage(**{**no_usage(), "cost_usd": 0.5})
    assert add_usage(no_usage(), no_usage())["cost_usd"] is None
    assert add_usage(no_usage(), known)["cost_usd"] == 0.5


def test_who_owes() -> None:
    """An agent is live unless it failed, and owes while it is live and has no vote."""
    kind: FailureKind = "auth"
    state = TeamState(
        messages=[],
        labels={"agent1": "alice", "agent2": "bob", "agent3": "carol"},
        failures={"bob": {"kind": kind, "message": "", "round": 1}},
        votes={"alice": {"voter": "alice", "candidate": "carol", "reason": "", "epoch": 1}},
    )
    assert live_agents(state) == ["alice", "carol"]
    assert owing_agents(state) == ["carol"]
