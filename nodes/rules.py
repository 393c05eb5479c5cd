"""Decision rules: plain functions from ballots to a winner, or to none.

A rule sees ballots as a set: it is independent of the order in which votes arrived.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

Tie = Literal["earliest_answer", "registration", "random"]


class Vote(TypedDict):
    """A vote as it was cast: real ids, the reason byte for byte, and the epoch its voter saw."""

    voter: str
    candidate: str
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that may win: its author, and the epoch in which it was accepted."""

    agent: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Electorate:
    """Who may vote.

    Args:
        agents: All agents, in registration order.
        live: Those that have not failed.
        weights: Vote weights; 1 for those that are not named.
    """

    agents: Sequence[str]
    live: frozenset[str]
    weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, agent: str) -> float:
        """Return the weight of an agent's ballot."""
        return self.weights.get(agent, 1.0)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """What a policy says about settling, as far as a rule may want to know it."""

    quorum: int | float = 1
    tie: Tie = "earliest_answer"
    seed: int = 0

    def quorum_met(self, ballots: int, electorate: Electorate) -> bool:
        """Return whether enough ballots were cast; a share is of the live agents, rounded up."""
        if isinstance(self.quorum, int):
            return ballots >= self.quorum
        return ballots >= self.quorum * len(electorate.live) - 1e-9


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule's winner, and whether the tie policy had to choose it."""

    winner: str
    tied: bool = False


Rule = Callable[[Sequence[Vote], Sequence[Candidate], Electorate, RuleOptions], Decision | None]
"""A decision rule: (ballots, candidates, electorate, options) -> a decision, or None for none."""


def plurality(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the candidate with the most weight of votes; none without a quorum."""
    if not ballots or not options.quorum_met(len(ballots), electorate):
        return None
    return most_votes(ballots, candidates, electorate, options)


def most_votes(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision:
    """Elect the candidate with the most weight of votes, quorum or not, ballots or not.

    There must be at least one candidate.
    """
    tally = {candidate.agent: 0.0 for candidate in candidates}
    for voter in electorate.agents:  # a fixed order: float sums must not depend on arrival
        for ballot in ballots:
            if ballot["voter"] == voter and ballot["candidate"] in tally:
                tally[ballot["candidate"]] += electorate.weight(voter)
    best = max(tally.values())
    tied = [c for c in candidates if math.isclose(tally[c.agent], best)]
    return Decision(break_tie(tied, electorate, options), tied=len(tied) > 1)


def break_tie(tied: Sequence[Candidate], electorate: Electorate, options: RuleOptions) -> str:
    """Choose one of several candidates by the tie policy."""
    order = {agent: number for number, agent in enumerate(electorate.agents)}
    ranked = sorted(tied, key=lambda c: order[c.agent])
    match options.tie:
        case "earliest_answer":
            return min(ranked, key=lambda c: (c.epoch, order[c.agent])).agent
        case "registration":
            return ranked[0].agent
        case "random":
            return random.Random(options.seed).choice(ranked).agent


RULES: Mapping[str, Rule] = {"plurality": plurality}
"""The rules that a policy can name."""
