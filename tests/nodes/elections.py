"""Elections for tests: a table of ballots, and a second opinion on each rule.

The second opinion is slow, naive and exact, and shares no code with the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from massgraph.nodes.rules import (
    Candidate,
    Decision,
    Electorate,
    Rule,
    RuleOptions,
    Vote,
    cast_vote,
)

Row = tuple[float, str]
"""How many ballots, or of what weight one of them; and the candidates, a letter each."""


class Election(NamedTuple):
    """What a rule is called with, less the options."""

    ballots: list[Vote]
    candidates: list[Candidate]
    electorate: Electorate

    def by(self, rule: Rule, **options: Any) -> Decision | None:
        """Hold the election by a rule."""
        return rule(*self, RuleOptions(**options))


def election(
    rows: Sequence[Row], candidates: str, epochs: Mapping[str, int] | None = None
) -> Election:
    """Return the election in which each row is the ballot of one voter, with a weight."""
    voters = [f"v{number}" for number, _ in enumerate(rows)]
    ballots = [
        cast_vote(voter, ranking[0], "", 1, list(ranking))
        for voter, (_, ranking) in zip(voters, rows, strict=True)
    ]
    weights = {voter: weight for voter, (weight, _) in zip(voters, rows, strict=True)}
    agents = [*candidates, *voters]
    standing = [Candidate(name, (epochs or {}).get(name, 1)) for name in candidates]
    return Election(ballots, standing, Electorate(agents, frozenset(agents), weights))


# --- a second opinion: rows in, and the candidates from the most liked to the least ---------------

Opinion = tuple[str, bool] | None
"""Who wins, and whether by the tie policy."""


def _weighed(rows: Sequence[Row]) -> list[tuple[Fraction | int, str]]:
    return [
        (w if isinstance(w, int) else Fraction(w).limit_denominator(1000), ranking)
        for w, ranking in rows
    ]


def _best(points: Mapping[str, Fraction | int], liked: str) -> Opinion:
    top = [name for name in liked if points[name] == max(points.values())]
    return top[0], len(top) > 1


def _first(rows: Sequence[Row], liked: str) -> dict[str, Fraction | int]:
    said = _weighed(rows)
    return {c: sum(w for w, r in said if r[0] == c) for c in liked}


def naive_share(rows: Sequence[Row], liked: str, needed: Fraction, *, more: bool) -> Opinion:
    """Elect the most votes, if they are a share of all; `more` than it, or at least it."""
    votes, total = _first(rows, liked), sum(w for w, _ in _weighed(rows))
    if total == 0:
        return None
    winner, tied = _best(votes, liked) or ("", False)
    enough = votes[winner] > needed * total if more else votes[winner] >= needed * total
    return (winner, tied) if enough else None


def naive_borda(rows: Sequence[Row], liked: str) -> Opinion:
    """Average the points over every way to complete a ballot."""
    said = _weighed(rows)
    if sum(w for w, _ in said) == 0:
        return None
    points: dict[str, Fraction | int] = dict.fromkeys(liked, 0)
    for weight, ranking in said:
        scores = list(range(len(liked) - 1, -1, -1))
        left = [name for name in liked if name not in ranking]
        for place, name in enumerate(ranking):
            points[name] += weight * scores[place]
        for name in left:
            points[name] += weight * Fraction(sum(scores[len(ranking) :]), len(left))
    return _best(points, liked)


def naive_runoff(rows: Sequence[Row], liked: str) -> Opinion:
    """Follow every way in which ties for the last place can be broken."""
    said = [(w, r) for w, r in _weighed(rows) if w]
    if not said:
        return None
    known: dict[str, set[str]] = {}

    def counted(remaining: str) -> tuple[str | None, list[str]]:
        votes: dict[str, Fraction | int] = dict.fromkeys(remaining, 0)
        for weight, ranking in said:
            standing = [name for name in ranking if name in remaining]
            if standing:
                votes[standing[0]] += weight
        total, fewest = sum(votes.values()), min(votes.values())
        most = [name for name in remaining if 2 * votes[name] > total]
        last = [name for name in remaining if votes[name] == fewest]
        return (most[0] if most else None), last

    def possible(remaining: str) -> set[str]:
        if remaining not in known:
            winner, last = counted(remaining)
            ways = [possible(remaining.replace(name, "")) for name in last] if not winner else []
            known[remaining] = {winner} if winner else set().union(*ways)
        return known[remaining]

    remaining = liked
    while True:
        winner, last = counted(remaining)
        if winner:
            return winner, len(possible(liked)) > 1
        remaining = remaining.replace(last[-1], "")
