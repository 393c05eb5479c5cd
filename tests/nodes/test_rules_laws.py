"""What holds of every rule, whatever the ballots say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massgraph.nodes.rules import RULES, Candidate, Decision, Electorate, RuleOptions, Tie

from .elections import Election, Row, election

NAMES = "ABCDE"
rules = pytest.mark.parametrize("rule", list(RULES))
thresholds = st.sampled_from([0.2, 0.5, 0.6, 2 / 3, 0.75, 1])
weights = st.sampled_from([0, 0.25, 0.5, 1, 1, 2, 3, 7])
law = settings(max_examples=25)
rankings = st.permutations(NAMES).flatmap(
    lambda order: st.integers(1, len(order)).map(lambda n: "".join(order[:n]))
)
profiles = st.lists(st.tuples(weights, rankings), max_size=7)
options = st.builds(
    RuleOptions,
    st.integers(1, 4) | st.sampled_from([0.25, 0.5, 2 / 3]),
    st.sampled_from(get_args(Tie)),
    st.integers(0, 3),
    thresholds,
)
epochs = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3))


def hold(rule: str, held: Election, given_options: RuleOptions) -> Decision | None:
    return RULES[rule](*held, given_options)


@rules
@law
@given(profiles, epochs, options, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions, random: Any
) -> None:
    """Ballots and candidates are sets."""
    held = election(rows, NAMES, when)
    before = hold(rule, held, how)
    random.shuffle(held.ballots)
    random.shuffle(held.candidates)
    assert hold(rule, held, how) == before


@rules
@law
@given(profiles, epochs, options, st.randoms(use_true_random=False))
def test_ballots_have_no_names(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions, random: Any
) -> None:
    """Who of several with equal weight cast which ballot does not matter."""
    equal: list[Row] = [(1, ranking) for _, ranking in rows]
    shuffled = random.sample(equal, len(equal))
    there, elsewhere = (election(each, NAMES, when) for each in (equal, shuffled))
    assert hold(rule, there, how) == hold(rule, elsewhere, how)


@rules
@law
@given(profiles, epochs, options, st.sampled_from([1e-12, 0.5, 3, 1e9]))
def test_only_the_proportion_of_weights_matters(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions, scale: float
) -> None:
    """Weights may be as small or as large as one likes."""
    scaled: list[Row] = [(weight * scale, ranking) for weight, ranking in rows]
    assert hold(rule, election(scaled, NAMES, when), how) == hold(
        rule, election(rows, NAMES, when), how
    )


@rules
@law
@given(profiles, epochs, options)
def test_who_is_first_on_every_ballot_wins(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions
) -> None:
    """Whatever comes behind, and without a tie, as long as some ballot weighs something."""
    agreed: list[Row] = [(w, "C" + ranking.replace("C", "")) for w, ranking in rows]
    how = replace(how, quorum=1)
    heavy = any(weight for weight, _ in agreed)
    assert hold(rule, election(agreed, NAMES, when), how) == (Decision("C") if heavy else None)


@rules
@law
@given(profiles, epochs, options)
def test_a_winner_is_a_candidate(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions
) -> None:
    """Only who stands can win, and an election that is not tied has one winner by every policy."""
    held = election(rows, NAMES, when)
    found = hold(rule, held, how)
    winners = {hold(rule, held, replace(how, tie=tie)) for tie in get_args(Tie)}
    assert found is None or found.winner in NAMES
    assert (found is None) == (None in winners)
    if found is not None and not found.tied:
        assert winners == {found}


@rules
@law
@given(profiles, epochs, options)
def test_who_weighs_nothing_says_nothing(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions
) -> None:
    """A ballot of weight 0 helps to a quorum at the most."""
    how = replace(how, quorum=1)
    held = election(rows, NAMES, when)
    heavy = [ballot for ballot in held.ballots if held.electorate.weight(ballot["voter"])]
    assert hold(rule, held, how) == hold(rule, held._replace(ballots=heavy), how)


@law
@given(profiles, epochs, options)
def test_rules_are_ordered_by_what_they_ask_for(
    rows: list[Row], when: dict[str, int], how: RuleOptions
) -> None:
    """A unanimity is a supermajority, a supermajority over a half is a majority, and so on."""
    held = election(rows, NAMES, when)
    unanimous, shared, most, plural = (
        hold(rule, held, how) for rule in ("unanimity", "supermajority", "majority", "plurality")
    )
    assert unanimous in (None, shared)
    assert shared in (None, plural)
    assert most in (None, plural, hold("ranked", held, how))
    if how.threshold > 0.5:
        assert shared in (None, most)
    assert hold("supermajority", held, replace(how, threshold=1)) == unanimous


@rules
@law
@given(profiles, epochs, options)
def test_a_vote_more_for_the_winner_never_harms(
    rule: str, rows: list[Row], when: dict[str, int], how: RuleOptions
) -> None:
    """One ballot more for the winner alone, and it wins again.

    Under instant runoff, too: there a better place on a ballot can harm, and a further ballot
    that ranks nobody else can not.
    """
    first = hold(rule, election(rows, NAMES, when), how)
    if first is None or how.tie == "random" or isinstance(how.quorum, float):
        return
    again = hold(rule, election([*rows, (1, first.winner)], NAMES, when), how)
    assert again is not None
    assert again.winner == first.winner


@rules
@law
@given(st.permutations(["alice", "bob", "carol"]))
def test_sums_of_weights_are_equal(rule: str, order: Sequence[str]) -> None:
    """0.1 + 0.2 is as much as 0.3: rounding neither breaks a tie nor makes a majority."""
    weigh = {"alice": 0.1, "bob": 0.2, "carol": 0.3}
    rows: list[Row] = [(weigh[agent], "B" if agent == "carol" else "A") for agent in order]
    found = election(rows, "AB").by(RULES[rule], threshold=0.5)
    tied = rule in ("plurality", "supermajority", "borda", "ranked")
    assert found == (Decision("A", tied=True) if tied else None)


def test_each_of_the_tied_can_win_by_chance() -> None:
    """By the seed alone, under every rule that knows ties."""
    rows: list[Row] = [(1, "ABC"), (1, "BCA"), (1, "CAB")]
    for rule in ("plurality", "borda", "ranked"):
        found = [election(rows, "ABC").by(RULES[rule], tie="random", seed=n) for n in range(40)]
        again = [election(rows, "ABC").by(RULES[rule], tie="random", seed=n) for n in range(40)]
        assert found == again
        assert {decision.winner for decision in found if decision} == set("ABC")


def test_a_ballot_without_a_ranking_ranks_its_candidate() -> None:
    """So a rule may change between a vote and its count."""
    held = election([(1, "A"), (1, "A"), (1, "B")], "AB")
    for ballot in held.ballots:
        del ballot["ranking"]
    assert held.by(RULES["borda"]) == held.by(RULES["ranked"]) == Decision("A")


def test_who_is_no_voter_is_not_counted() -> None:
    """A ballot of somebody who is not in the team."""
    held = election([(1, "A"), (1, "B"), (1, "B")], "AB")
    agents = ["A", "B", "v0"]
    few = Election(held.ballots, held.candidates, Electorate(agents, frozenset(agents)))
    for rule in RULES.values():
        assert few.by(rule) == Decision("A")
    assert few.candidates == [Candidate("A", 1), Candidate("B", 1)]
