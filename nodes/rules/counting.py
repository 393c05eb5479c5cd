"""How ballots are weighed, and how the tie policy orders candidates; what all rules count with."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .election import Candidate, Decision, Electorate, RuleOptions, Vote


@dataclass(frozen=True, slots=True)
class Preference:
    """What a ballot says of the candidates.

    Args:
        weight: The ballot's weight.
        order: The candidates that it names, the best first; perhaps none.
    """

    weight: float
    order: tuple[str, ...]


def preferences(
    ballots: Sequence[Vote], candidates: Sequence[Candidate], electorate: Electorate
) -> list[Preference]:
    """Return what the ballots say, in registration order of their voters.

    The order is fixed because sums of floats must not depend on who voted first. A ballot without
    a ranking ranks its candidate alone; names of no candidate, and repeated ones, are skipped.
    """
    standing = {candidate.agent for candidate in candidates}
    said: list[Preference] = []
    for voter in electorate.agents:
        for ballot in ballots:
            if ballot["voter"] == voter:
                named = dict.fromkeys(ballot.get("ranking") or [ballot["candidate"]])
                order = tuple(agent for agent in named if agent in standing)
                said.append(Preference(electorate.weight(voter), order))
    return said


def first_choices(
    ballots: Sequence[Vote], candidates: Sequence[Candidate], electorate: Electorate
) -> dict[str, float]:
    """Return the weight of the votes for each candidate, whatever else a ballot ranks."""
    tally = {candidate.agent: 0.0 for candidate in candidates}
    for voter in electorate.agents:  # a fixed order, as above
        for ballot in ballots:
            if ballot["voter"] == voter and ballot["candidate"] in tally:
                tally[ballot["candidate"]] += electorate.weight(voter)
    return tally


def weight_cast(ballots: Sequence[Vote], electorate: Electorate) -> float:
    """Return the weight of all ballots that were cast."""
    voters = [ballot["voter"] for ballot in ballots]
    return sum(electorate.weight(agent) * voters.count(agent) for agent in electorate.agents)


def reaches(weight: float, needed: float) -> bool:
    """Return whether a weight is as much as what is needed, but for rounding."""
    return weight >= needed or math.isclose(weight, needed)


def exceeds(weight: float, other: float) -> bool:
    """Return whether a weight is more than another, by more than rounding."""
    return weight > other and not math.isclose(weight, other)


def most_votes(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision:
    """Elect the candidate with the most weight of votes, quorum or not, ballots or not.

    There must be at least one candidate.
    """
    tally = first_choices(ballots, candidates, electorate)
    return highest(tally, candidates, electorate, options)


def highest(
    points: Mapping[str, float],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision:
    """Elect the candidate with the most points; the tie policy chooses among equals."""
    best = max(points.values())
    tied = [c for c in candidates if math.isclose(points[c.agent], best)]
    return Decision(break_tie(tied, electorate, options), tied=len(tied) > 1)


def break_tie(tied: Sequence[Candidate], electorate: Electorate, options: RuleOptions) -> str:
    """Choose one of several candidates by the tie policy."""
    return tie_order(tied, electorate, options)[0]


def tie_order(
    tied: Sequence[Candidate], electorate: Electorate, options: RuleOptions
) -> tuple[str, ...]:
    """Return candidates in the order in which the tie policy likes them, the most liked first."""
    agents = list(electorate.agents)
    if options.tie == "random":
        agents = random.Random(options.seed).sample(agents, len(agents))
    place = {agent: number for number, agent in enumerate(agents)}
    earliest = options.tie == "earliest_answer"
    ordered = sorted(tied, key=lambda c: (c.epoch if earliest else 0, place[c.agent]))
    return tuple(candidate.agent for candidate in ordered)
