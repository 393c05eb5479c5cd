"""Rules that count one choice a ballot: plurality, majority, supermajority, unanimity.

What they need is a share of the weight of the ballots cast. Ballots that weigh nothing elect
nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from .counting import exceeds, first_choices, highest, reaches, weight_cast
from .election import Candidate, Decision, Electorate, RuleOptions, Vote


def plurality(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the candidate with the most weight of votes; none without a quorum."""
    if not options.quorum_met(len(ballots), electorate):
        return None
    tally = first_choices(ballots, candidates, electorate)
    if not any(tally.values()):
        return None
    return highest(tally, candidates, electorate, options)


def majority(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the candidate with more than half of the weight of the ballots cast, if any."""
    found = plurality(ballots, candidates, electorate, options)
    if found is None:
        return None
    votes = first_choices(ballots, candidates, electorate)[found.winner]
    return found if exceeds(votes, weight_cast(ballots, electorate) / 2) else None


def supermajority(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the candidate with the most votes if they are `options.threshold` of the weight cast.

    The threshold itself is enough, and it rounds up: half of three ballots are two of them. At half
    and below it, several can reach it with as many votes; then the tie policy chooses.
    """
    found = plurality(ballots, candidates, electorate, options)
    if found is None:
        return None
    votes = first_choices(ballots, candidates, electorate)[found.winner]
    return found if reaches(votes, options.threshold * weight_cast(ballots, electorate)) else None


def unanimity(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the candidate that all ballots are for; one that weighs nothing stands in no way."""
    found = plurality(ballots, candidates, electorate, options)
    voters = {agent for agent in electorate.agents if electorate.weight(agent) > 0}
    chosen = {ballot["candidate"] for ballot in ballots if ballot["voter"] in voters}
    return found if found is not None and chosen == {found.winner} else None
