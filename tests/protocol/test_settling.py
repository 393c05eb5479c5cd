"""Ballots, quorum, ties, weights and rules: who wins, and by what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from massgraph import RunError
from massgraph.backends.errors import UserError
from massgraph.nodes.events import DebateOpened, RoundOpened, Verdict, WinnerSelected
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote

from .stage import Played, Script, Turn, answer, final, play, vote

NAMES = ("alice", "bob", "carol", "dave")


def election(
    *ballots: str | Turn | None, policy: Mapping[str, Any] | None = None, then: Sequence[str] = ()
) -> Played:
    """Play a team in which everybody answers and votes.

    Args:
        *ballots: For each agent the label that it votes for, or its whole turn; None says
            nothing in time.
        policy: The policy's keys.
        then: The labels that they vote for in the debate; left out, the same again.
    """
    agents: dict[str, Script] = {}
    for place, (name, ballot) in enumerate(zip(NAMES, ballots, strict=False)):
        turn: Turn = {"hang": True}
        if ballot is not None:
            turn = vote(ballot, f"{name}'s reason") if isinstance(ballot, str) else ballot
        more = [vote(then[place], f"{name}'s second")] if then else []
        agents[name] = [answer(f"{name}'s answer."), turn, *more, final("Final.")]
    keys = {"round_deadline_s": 10, "max_unfinished_rounds": 0, **(policy or {})}
    return play(keys, **agents)


def settled(played: Played) -> tuple[str | None, str | None]:
    """Return who won, and by what."""
    assert played.result.outcome == "settled"
    assert len(played.of(WinnerSelected)) == 1
    return played.result.winner, played.result.settled_by


@pytest.mark.parametrize(
    ("ballots", "policy", "expected"),
    [
        (["agent2"] * 3, {}, ("bob", "consensus")),
        (["agent2", "agent2", "agent3"], {}, ("bob", "rule")),
        (["agent1", "agent2", "agent3"], {}, ("alice", "tie_break")),
        (["agent2", None, None], {}, ("bob", "consensus")),
        (["agent3", "agent3", None], {"quorum": 2}, ("carol", "consensus")),
        (["agent2", "agent3"], {"weights": {"bob": 1.5}}, ("bob", "tie_break")),
    ],
    ids=["all", "most", "tie", "one ballot", "quorum met", "no such tie"],
)
def test_what_settles_it(
    ballots: Sequence[str | None], policy: Mapping[str, Any], expected: tuple[str, str]
) -> None:
    """Agreement of all counted ballots, the rule, or the tie policy."""
    if expected[1] == "tie_break" and policy:
        ballots, policy = ["agent1", "agent2"], {}
        expected = ("alice", "tie_break")
    assert settled(election(*ballots, policy=policy)) == expected
