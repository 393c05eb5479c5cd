"""The engine goes every way that the model goes, and comes to the same in each round."""

from __future__ import annotations

import random
from typing import cast, get_args

import pytest

from massgraph.nodes.events import VerdictName
from massgraph.nodes.state import OutcomeKind, RunOutcome, SettledBy

from .__main__ import replay_all
from .explore import BrokenRuleError, explore
from .mutants import MUTANTS, SelfVotesAllowed
from .protocol import Config, Protocol
from .replay import DifferenceError, command, replay
from .sizes import COVERED, DRAWN, STEP_BY_STEP
from .traces import Step, Trace, covering, drawn, finished, read

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

SEEDS = 24
CHUNK = 12
MOST = 1500
"""States of a team that are looked at for kinds of steps."""

KINDS = {
    *("new_answer", "new_answer dropping votes", "new_answer withdrawing", "answer twin"),
    *("unfinished with abstentions", "no_answer", "no_consensus"),
    *("settled by consensus", "settled by rule", "settled by tie_break"),
    *("settled by debate_limit", "settled by debate_limit for one who failed"),
    *("settled with abstentions by deadline", "settled with abstentions by budget"),
    "settled with abstentions by single",
    *("present present", "present reuse", "present fallback", "present_fails fallback"),
    *("answer releasing 1", "answer releasing 2", "answer after a release", "break"),
    *("fail", "cut", "cut writing", "deadline", "budget", "vote for one who failed"),
    *("new_answer somebody sits idle", "settled by consensus for one who failed"),
    *("crash after ['answer']", "crash after ['vote']"),
}
"""What must be in the traces whatever else is: each verdict, each way to settle, each outcome."""


@pytest.mark.parametrize("config", COVERED)
def test_the_engine_takes_every_kind_of_step(config: Config) -> None:
    """Of each kind of step of a team there is a trace that the engine follows."""
    for trace in covering(config, MOST, set()):
        replay(trace)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_the_engine_follows_traces_drawn_by_lot(first: int) -> None:
    """Larger teams, in which everything happens together."""
    for seed in range(first, first + CHUNK):
        replay(drawn(DRAWN[seed % len(DRAWN)], seed))


@pytest.fixture(scope="module")
def covered() -> list[Trace]:
    """The traces of all small teams."""
    return [trace for config in COVERED for trace in covering(config, MOST, set())]


def test_nothing_is_left_out(covered: list[Trace]) -> None:
    """The traces hold each kind of step that matters, and each that a small model has at all."""
    kinds = {kind for trace in covered for kind in trace.kinds}
    assert kinds >= KINDS
    assert kinds >= {k for c in STEP_BY_STEP if c.agents < 3 for k in explore(Protocol(c)).kinds}


def test_each_outcome_is_in_a_trace(covered: list[Trace]) -> None:
    """Verdicts, outcomes of turns, ways to settle and to present: all that there are."""
    states = [state for trace in covered for _, state in trace.steps]
    assert {s.verdict for s in states} - {""} == set(get_args(VerdictName))
    assert {s.settled_by for s in states} - {""} == set(get_args(SettledBy))
    assert {s.outcome for s in states} - {""} == set(get_args(RunOutcome)) - {
        *("cancelled", "failed")  # the caller's doing, and a bug's
    }
    seats = {seat.kind for state in states for seat in state.seats}
    ended = seats - {"out", "thinking", "writing"}
    assert {"new_answer" if kind == "answer" else kind for kind in ended} == set(
        get_args(OutcomeKind)
    )
    assert {s.presented for s in states} - {""} == {"present", "fallback", "reuse"}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_engine_does_not_follow_a_broken_model(mutant: type[Protocol]) -> None:
    """A trace on which the model breaks a rule is none of the engine's: the comparison bites."""
    votes = "forbid" if mutant is SelfVotesAllowed else "allow"
    protocol = mutant(Config(2, 2, rule="majority", self_votes=votes))
    with pytest.raises(BrokenRuleError) as caught:
        explore(protocol)
    way = cast("list[Step]", caught.value.way[1:])
    ways = (finished(protocol, way, random.Random(seed)) for seed in range(10))
    with pytest.raises(DifferenceError):  # some ways to go on do not show it
        replay_all(ways)


def test_a_difference_is_told_with_both_sides() -> None:
    """The trace, both accounts of the round, and the command that replays it."""
    trace = drawn(Config(2, 1), 0)
    model, engine = {"epoch": 2, "asked": ["bob"]}, {"epoch": 3, "asked": ["bob"]}
    text = str(DifferenceError(trace, model, engine))
    assert "differs from the model in epoch." in text
    assert "'epoch': 2" in text
    assert "'epoch': 3" in text
    assert command(trace) in text


def test_a_trace_can_be_read_again() -> None:
    """Its one line is all that is needed to replay it."""
    for seed in range(20):
        trace = drawn(DRAWN[seed % len(DRAWN)], seed)
        assert read(trace.text) == trace
    with pytest.raises(ValueError, match="can't happen"):
        read("agents=2 answers=1 : vote.0.1")
