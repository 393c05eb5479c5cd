"""What an election is made of: ballots, candidates, an electorate, options, a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NotRequired, TypeVar

from typing_extensions import TypedDict  # below Python 3.12 pydantic takes no other

Tie = Literal["earliest_answer", "registration", "random"]


class Vote(TypedDict):
    """A vote as it was cast: real ids, the reason byte for byte, and the epoch its voter saw.

    `ranking` is there when it was cast under a ranked rule: real ids, the best first, perhaps not
    all of them. `candidate` is always its first.
    """

    voter: str
    candidate: str
    reason: str
    epoch: int
    ranking: NotRequired[list[str]]


def cast_vote(
    voter: str, candidate: str, reason: str, epoch: int, ranking: Sequence[str] | None = None
) -> Vote:
    """Return a vote, with the ranking if there is one."""
    vote = Vote(voter=voter, candidate=candidate, reason=reason, epoch=epoch)
    if ranking is not None:
        vote["ranking"] = list(ranking)
    return vote


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
    """What a policy says about settling, as far as a rule may want to know it.

    Args:
        quorum: Ballots that are needed, or the share of the live agents.
        tie: Who wins where candidates are equal.
        seed: Of a tie settled by chance.
        threshold: The share of the weight of the ballots cast that a supermajority is.
    """

    quorum: int | float = 1
    tie: Tie = "earliest_answer"
    seed: int = 0
    threshold: float = 2 / 3

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
"""A decision rule: (ballots, candidates, electorate, options) -> a decision, or None for none.

It sees ballots as a set: it is independent of the order in which they arrived.
"""

R = TypeVar("R", bound=Rule)


def by_ranking(rule: R) -> R:
    """Mark a rule whose ballots are rankings, and return it."""
    rule.__dict__["ranked"] = True
    return rule
