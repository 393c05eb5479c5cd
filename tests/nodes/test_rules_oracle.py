"""Every rule against a naive second one, on all small elections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, permutations, product

import pytest

from massgraph.nodes.rules import RULES, Decision

from .elections import (
    Opinion,
    Row,
    election,
    naive_borda,
    naive_runoff,
    naive_share,
)

NAMES = "ABCD"
ALL = Fraction(1)
WEIGHTS = [(1, 1, 1), (1, 2, 3), (0.5, 0.5, 1), (0, 1, 1), (0, 0, 0), (0.1, 0.2, 0.3), (0, 0, 2)]


def rankings(names: str, *, short: bool = False) -> list[str]:
    """Return all rankings, or all that name at least one."""
    lengths = range(1 if short else len(names), len(names) + 1)
    return ["".join(order) for n in lengths for order in permutations(names, n)]


def profiles(most_voters: int, ballots: Sequence[str]) -> Iterator[list[Row]]:
    """Yield the ballots of each number of voters, whoever cast which."""
    for voters in range(1, most_voters + 1):
        for chosen in combinations_with_replacement(ballots, voters):
            yield [(1, ranking) for ranking in chosen]


def seen(decision: Decision | None) -> Opinion:
    return None if decision is None else (decision.winner, decision.tied)


def second_opinion(rule: str, rows: Sequence[Row], liked: str, threshold: Fraction) -> Opinion:
    match rule:
        case "plurality":
            return naive_share(rows, liked, Fraction(0), more=False)
        case "majority":
            return naive_share(rows, liked, Fraction(1, 2), more=True)
        case "supermajority":
            return naive_share(rows, liked, threshold, more=False)
        case "unanimity":
            return naive_share(rows, liked, ALL, more=False)
        case "borda":
            return naive_borda(rows, liked)
        case _:
            return naive_runoff(rows, liked)


def compare(rule: str, rows: Sequence[Row], names: str, threshold: Fraction = ALL) -> None:
    found = election(rows, names).by(RULES[rule], tie="registration", threshold=float(threshold))
    assert seen(found) == second_opinion(rule, rows, names, threshold), (rule, rows, names)


@pytest.mark.parametrize("answers", [1, 2, 3, 4])
@pytest.mark.parametrize("rule", ["plurality", "majority", "unanimity"])
def test_all_votes(rule: str, answers: int) -> None:
    """Up to four voters, up to four answers."""
    for rows in profiles(4, NAMES[:answers]):
        compare(rule, rows, NAMES[:answers])


@pytest.mark.parametrize(
    "threshold", [Fraction(n, d) for d in (1, 2, 3, 4, 5) for n in range(1, d)]
)
def test_all_votes_with_a_threshold(threshold: Fraction) -> None:
    """Every share that four voters can come up to, or just miss."""
    for answers in (1, 2, 3, 4):
        for rows in profiles(4, NAMES[:answers]):
            compare("supermajority", rows, NAMES[:answers], threshold)


@pytest.mark.parametrize("rule", ["borda", "ranked"])
@pytest.mark.parametrize("answers", [1, 2, 3, pytest.param(4, marks=pytest.mark.soak)])
def test_all_rankings(rule: str, answers: int) -> None:
    """Up to four voters who rank up to four answers."""
    for rows in profiles(4, rankings(NAMES[:answers])):
        compare(rule, rows, NAMES[:answers])


@pytest.mark.parametrize("rule", ["borda", "ranked"])
@pytest.mark.parametrize(("answers", "voters"), [(2, 4), (3, 4), (4, 2)])
def test_all_short_rankings(rule: str, answers: int, voters: int) -> None:
    """Voters who rank as many as they like."""
    for rows in profiles(voters, rankings(NAMES[:answers], short=True)):
        compare(rule, rows, NAMES[:answers])


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("weights", WEIGHTS)
def test_all_weighted_rankings(rule: str, weights: Sequence[float]) -> None:
    """Three voters of unlike weight, with three answers."""
    for chosen in product(rankings("ABC"), repeat=3):
        rows = list(zip(weights, chosen, strict=True))
        compare(rule, rows, "ABC", Fraction(1, 2))


@pytest.mark.parametrize("rule", ["borda", "ranked", "plurality"])
def test_all_ties_go_to_the_earliest(rule: str) -> None:
    """The tie policy is the order of the answers, whatever the registration."""
    for rows in profiles(3, rankings("ABC")):
        found = election(rows, "ABC", {"A": 3, "B": 2, "C": 1}).by(RULES[rule])
        assert seen(found) == second_opinion(rule, rows, "CBA", ALL)
