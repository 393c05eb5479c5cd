"""Borda's rule: points for places."""

from __future__ import annotations

from collections.abc import Sequence

from .counting import highest, preferences
from .election import Candidate, Decision, Electorate, RuleOptions, Vote, by_ranking


@by_ranking
def borda(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the candidate with the most points; none without a quorum.

    Of n candidates, the k-th on a ballot gets n - k points, times the ballot's weight. Those that
    it does not rank share what is left equally, so every ballot gives as many points as any other.
    (Saari, "The Borda dictionary", Social Choice and Welfare 7, 1990, on short ballots.)
    """
    if not options.quorum_met(len(ballots), electorate):
        return None
    said = [p for p in preferences(ballots, candidates, electorate) if p.weight and p.order]
    if not said:
        return None
    points = {candidate.agent: 0.0 for candidate in candidates}
    for ballot in said:
        left = len(candidates) - len(ballot.order)
        for agent in points:
            ranked = agent in ballot.order
            below = len(candidates) - 1 - ballot.order.index(agent) if ranked else (left - 1) / 2
            points[agent] += ballot.weight * below
    return highest(points, candidates, electorate, options)
