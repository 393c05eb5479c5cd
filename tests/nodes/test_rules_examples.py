"""Elections from the literature, by every rule."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from massgraph.nodes.rules import (
    RULES,
    Decision,
    majority,
    supermajority,
    unanimity,
)

from .elections import Row, election

TENNESSEE = (
    # The capital of Tennessee: Memphis, Nashville, Chattanooga, Knoxville. The textbook example of
    # Wikipedia's articles on voting methods; also in F. Pivato, "Voting, Arbitration, and Fair
    # Division" (2007).
    [(42, "MNCK"), (26, "NCKM"), (15, "CKNM"), (17, "KCNM")],
    "MNCK",
)
CYCLE = (
    # Condorcet, "Essai sur l'application de l'analyse" (1785): A over B over C over A.
    [(1, "ABC"), (1, "BCA"), (1, "CAB")],
    "ABC",
)
CONDORCET_AGAINST_BORDA = (
    # Condorcet (1785), 81 voters; in H. P. Young, "Condorcet's theory of voting", APSR 82 (1988).
    # A beats both others, and has 101 of Borda's points against B's 109.
    [(30, "ABC"), (1, "ACB"), (29, "BAC"), (10, "BCA"), (10, "CAB"), (1, "CBA")],
    "ABC",
)
BORDA_1784 = (
    # Borda, "Memoire sur les elections au scrutin" (1784), 21 voters: the plurality's winner is
    # the one whom most rank last.
    [(1, "ABC"), (7, "ACB"), (7, "BCA"), (6, "CBA")],
    "ABC",
)
BEVERAGES = (
    # D. G. Saari, "Chaotic Elections!" (AMS 2001): milk, beer and wine for 15 people.
    [(6, "MWB"), (5, "BWM"), (4, "WBM")],
    "MBW",
)
MAJORITY_LOSES = (
    # A majority's first choice that Borda's rule does not elect: the majority criterion, see
    # H. Nurmi, "Voting Paradoxes and How to Deal with Them" (1999).
    [(51, "ABC"), (49, "BCA")],
    "ABC",
)
BURLINGTON = (
    # The mayor of Burlington, Vermont, 2009: Montroll, Kiss, Wright, with short ballots. The centre
    # is squeezed: Montroll beats both others, and is the first of the three to go.
    # J. T. Ornstein, R. Z. Norman, "Frequency of monotonicity failure under Instant Runoff
    # Voting", Public Choice 161 (2014), discuss the election.
    [
        (1332, "MKW"),
        (767, "MWK"),
        (455, "M"),
        (2043, "KMW"),
        (371, "KWM"),
        (568, "K"),
        (1513, "WMK"),
        (495, "WKM"),
        (1289, "W"),
    ],
    "MKW",
)


@pytest.mark.parametrize(
    ("example", "winners"),
    [
        (TENNESSEE, ("M", None, "N", "K")),
        (CONDORCET_AGAINST_BORDA, ("B", None, "B", "A")),
        (BORDA_1784, ("A", None, "C", "B")),
        (BEVERAGES, ("M", None, "W", "B")),
        (MAJORITY_LOSES, ("A", "A", "B", "A")),
        (BURLINGTON, ("W", None, "M", "K")),
    ],
    ids=["tennessee", "condorcet", "borda", "beverages", "majority loses", "burlington"],
)  # fmt: skip
def test_worked_examples(example: tuple[Sequence[Row], str], winners: Sequence[str | None]) -> None:
    """The winners that the books name; none is a tie."""
    held = election(*example)
    for rule, winner in zip(("plurality", "majority", "borda", "ranked"), winners, strict=True):
        assert held.by(RULES[rule]) == (None if winner is None else Decision(winner)), rule
    assert held.by(unanimity) is None


@pytest.mark.parametrize("rule", ["plurality", "borda", "ranked"])
@pytest.mark.parametrize("tie", ["registration", "earliest_answer", "random"])
def test_a_cycle_is_a_tie(rule: str, tie: str) -> None:
    """Three that beat each other in a circle are equal, and the tie policy chooses."""
    rows, names = CYCLE
    found = election(rows, names, {"A": 2, "B": 1, "C": 3}).by(RULES[rule], tie=tie, seed=1)
    assert found is not None
    assert found.tied
    if tie == "registration":
        assert found.winner == "A"
    if tie == "earliest_answer":  # instant runoff: C is liked least and goes, and A is next
        assert found.winner == ("A" if rule == "ranked" else "B")


def test_a_cycle_has_no_majority() -> None:
    """Nobody has more than a third."""
    held = election(*CYCLE)
    assert held.by(majority) is None
    assert held.by(supermajority) is None
    assert held.by(supermajority, threshold=1 / 3) == Decision("A", tied=True)


def yes_and_no(yes: int, no: int) -> list[Row]:
    return [(1, "Y")] * yes + [(1, "N")] * no


@pytest.mark.parametrize(
    ("yes", "no", "threshold", "elected"),
    [
        (67, 33, 2 / 3, True),  # a conviction in the US Senate takes two thirds of those present
        (66, 34, 2 / 3, False),
        (2, 1, 2 / 3, True),
        (2, 1, 0.5, True),
        (1, 1, 0.5, True),
        (60, 40, 0.6, True),  # cloture, of 100
        (59, 41, 0.6, False),
        (7, 3, 0.7, True),  # 0.7 * 10 is not 7 in floats
        (3, 0, 1, True),
        (2, 1, 1, False),
    ],
)
def test_a_threshold_is_enough_and_rounds_up(
    yes: int, no: int, threshold: float, elected: bool
) -> None:
    """As many ballots as the share, or the next whole number."""
    found = election(yes_and_no(yes, no), "YN").by(supermajority, threshold=threshold)
    assert (found is not None) == elected
    if found is not None:
        assert found == Decision("Y", tied=yes == no)


@pytest.mark.parametrize(("yes", "no", "elected"), [(51, 50, True), (50, 50, False), (2, 1, True)])
def test_a_majority_is_more_than_half(yes: int, no: int, elected: bool) -> None:
    """Half is not enough."""
    assert (election(yes_and_no(yes, no), "YN").by(majority) is not None) == elected


def test_who_has_half_may_tie() -> None:
    """Two that both reach the threshold are chosen between by the tie policy."""
    held = election(yes_and_no(2, 2), "NY", {"N": 2, "Y": 1})
    assert held.by(supermajority, threshold=0.5) == Decision("Y", tied=True)
    assert held.by(supermajority, threshold=0.5, tie="registration") == Decision("N", tied=True)


LARGE, SMALL = ("France", "Germany", "Italy"), ("Belgium", "Netherlands")
COUNCIL_1958 = dict.fromkeys(LARGE, 4) | dict.fromkeys(SMALL, 2) | {"Luxembourg": 1}


@pytest.mark.parametrize(
    ("against", "passed"),
    [
        ((), True),
        (("Luxembourg",), True),
        (("Belgium", "Netherlands", "Luxembourg"), True),
        (("Italy", "Luxembourg"), True),
        (("Italy", "Belgium"), False),
        (("France", "Germany"), False),
    ],
)
def test_weights(against: Sequence[str], passed: bool) -> None:
    """The EEC's Council of 1958: 12 of 17 votes; Luxembourg's never matters.

    D. S. Felsenthal, M. Machover, "The Measurement of Voting Power" (1998).
    """
    rows = [(weight, "N" if who in against else "Y") for who, weight in COUNCIL_1958.items()]
    found = election(rows, "YN").by(supermajority, threshold=12 / 17)
    assert (found == Decision("Y")) == passed


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize(("quorum", "elected"), [(3, True), (4, False), (0.5, True), (0.51, False)])
def test_a_quorum(rule: str, quorum: float, elected: bool) -> None:
    """Three ballots of six agents: whatever they say."""
    held = election([(1, "ABC")] * 3, "ABC")
    found = held.by(RULES[rule], quorum=quorum)
    assert found == (Decision("A") if elected else None)


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("rows", [[], [(0, "AB")], [(0, "AB"), (0, "BA")]])
def test_what_weighs_nothing_elects_nobody(rule: str, rows: Sequence[Row]) -> None:
    """No ballots, or none with a weight."""
    assert election(rows, "AB").by(RULES[rule], threshold=0.01) is None


def test_one_that_weighs_nothing_stands_in_no_way() -> None:
    """A unanimity is of those whose vote counts."""
    assert election([(1, "A"), (0, "B")], "AB").by(unanimity) == Decision("A")
    assert election([(1, "A"), (0.1, "B")], "AB").by(unanimity) is None


@pytest.mark.parametrize(
    ("rows", "points_winner", "runoff_winner"),
    [
        ([(1, "A")], "A", "A"),
        ([(1, "A"), (1, "BA"), (1, "CB")], "B", "B"),
        ([(2, "AXB"), (1, "BAA"), (2, "BA")], "B", "B"),
        ([(3, "X"), (1, "C")], "C", "C"),
        ([(2, "A"), (2, "CB"), (1, "B"), (1, "BX")], "B", "B"),
    ],
)
def test_short_and_odd_ballots(rows: Sequence[Row], points_winner: str, runoff_winner: str) -> None:
    """Ballots may be short; who is no candidate, or named again, is skipped."""
    held = election(rows, "ABC")
    by_points, by_runoff = held.by(RULES["borda"]), held.by(RULES["ranked"])
    assert by_points is not None
    assert by_runoff is not None
    assert (by_points.winner, by_runoff.winner) == (points_winner, runoff_winner)


def test_a_ballot_of_strangers_elects_nobody() -> None:
    """It says nothing of the candidates."""
    for rule in RULES.values():
        assert election([(1, "X")], "AB").by(rule) is None


def test_a_tie_on_the_way_matters_only_for_another_winner() -> None:
    """B and C tie for the last place; A wins whoever of them goes, and that is no tie."""
    rows: list[Row] = [(4, "A"), (2, "BA"), (2, "CA"), (1, "DA")]
    assert election(rows, "ABCD").by(RULES["ranked"]) == Decision("A")


def test_a_tie_on_the_way_that_matters() -> None:
    """B and C tie for the last place, and who stays beats A."""
    rows: list[Row] = [(4, "A"), (3, "BC"), (3, "CB")]
    held = election(rows, "ABC")
    assert held.by(RULES["ranked"], tie="registration") == Decision("B", tied=True)
    later = election(rows, "ABC", {"A": 1, "B": 2, "C": 1})
    assert later.by(RULES["ranked"]) == Decision("C", tied=True)


def test_many_ties_take_no_time() -> None:
    """Twenty-four who each vote for themselves can go in more orders than can be looked at."""
    names = "ABCDEFGHIJKLMNOPQRSTUVWX"
    rows: list[Row] = [(1, names[n:] + names[:n]) for n, _ in enumerate(names)]
    found = election(rows, names).by(RULES["ranked"], tie="registration")
    assert found is not None
    assert found.tied
