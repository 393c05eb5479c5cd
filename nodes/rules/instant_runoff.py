"""Instant runoff: the last goes, and its ballots count for whom they rank next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .counting import Preference, exceeds, preferences, tie_order
from .election import Candidate, Decision, Electorate, RuleOptions, Vote, by_ranking

MOST_LOOKED_AT = 500
"""Sets of remaining candidates that are looked at to see whether ties decide who wins."""


@by_ranking
def instant_runoff(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect who has a majority once the last ones are out; none without a quorum.

    More than half of the weight of the ballots that still rank somebody wins. Otherwise the
    candidate with the fewest votes goes; of several, the one that the tie policy likes least. The
    decision is tied when another choice among them would have made another winner.
    """
    if not options.quorum_met(len(ballots), electorate):
        return None
    said = [p for p in preferences(ballots, candidates, electorate) if p.weight and p.order]
    if not said:
        return None
    count = _Count(said, tie_order(candidates, electorate, options))
    winner = count.winner()
    return Decision(winner, tied=count.could_be_another(winner))


class _Count:
    """A count of ballots.

    Args:
        said: The ballots; at least one, each with a weight and a candidate.
        liked: All candidates, in the order of the tie policy.
    """

    def __init__(self, said: Sequence[Preference], liked: tuple[str, ...]) -> None:
        self._said = said
        self._liked = liked

    def winner(self) -> str:
        """Return who wins when the tie policy breaks all ties."""
        remaining = self._liked
        while (elected := self._majority(remaining)) is None:
            out = self._last(remaining)[-1]
            remaining = tuple(agent for agent in remaining if agent != out)
        return elected

    def could_be_another(self, winner: str) -> bool:
        """Return whether somebody else wins when ties are broken in another way.

        Where there are more ways than can be looked at, they are taken to make a difference.
        """
        seen: set[tuple[str, ...]] = set()
        waiting = [self._liked]
        while waiting:
            remaining = waiting.pop()
            if remaining in seen:
                continue
            seen.add(remaining)
            if len(seen) > MOST_LOOKED_AT:
                return True
            elected = self._majority(remaining)
            if elected is None:
                waiting += [
                    tuple(agent for agent in remaining if agent not in gone)
                    for gone in self._ways_out(remaining)
                ]
            elif elected != winner:
                return True
        return False

    def _ways_out(self, remaining: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return who may go next; those without a vote go together, whatever their order."""
        last = self._last(remaining)
        voted_for = any(self._votes(remaining)[agent] for agent in last)
        return [(agent,) for agent in last] if voted_for else [last]

    def _votes(self, remaining: tuple[str, ...]) -> dict[str, float]:
        votes = dict.fromkeys(remaining, 0.0)
        for ballot in self._said:
            choice = next((agent for agent in ballot.order if agent in votes), None)
            if choice is not None:
                votes[choice] += ballot.weight
        return votes

    def _majority(self, remaining: tuple[str, ...]) -> str | None:
        votes = self._votes(remaining)
        most = max(remaining, key=lambda agent: votes[agent])
        return most if exceeds(votes[most], sum(votes.values()) / 2) else None

    def _last(self, remaining: tuple[str, ...]) -> tuple[str, ...]:
        """Return those with the fewest votes, in the order of the tie policy."""
        votes = self._votes(remaining)
        fewest = min(votes.values())
        return tuple(agent for agent in remaining if math.isclose(votes[agent], fewest))
