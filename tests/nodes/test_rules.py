from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massgraph.nodes.rules import (
    Candidate,
    Decision,
    Electorate,
    RuleOptions,
    Tie,
    Vote,
    plurality,
)

from .strategies import AGENTS, ballot

ties: st.SearchStrategy[Tie] = st.sampled_from(get_args(Tie))
weights = st.sampled_from([0, 1, 2, 3, 0.5, 0.25, 7])


@st.composite
def elections(draw: st.DrawFn) -> tuple[list[Vote], list[Candidate], Electorate, RuleOptions]:
    """Draw up to four voters, up to four candidates, weights, a quorum and a tie policy."""
    agents = AGENTS[: draw(st.integers(1, 4))]
    standing = draw(st.lists(st.sampled_from(agents), min_size=1, unique=True))
    candidates = [Candidate(a, draw(st.integers(1, 3))) for a in agents if a in standing]
    voters = draw(st.lists(st.sampled_from(agents), unique=True))
    ballots = [ballot(voter, draw(st.sampled_from(standing))) for voter in voters]
    electorate = Electorate(
        agents,
        frozenset(voters) | draw(st.frozensets(st.sampled_from(agents))),
        draw(st.dictionaries(st.sampled_from(agents), weights)),
    )
    quorum = draw(st.integers(1, 4) | st.sampled_from([0.25, 0.5, 0.75, 1 / 3, 2 / 3]))
    return ballots, candidates, electorate, RuleOptions(quorum, draw(ties), draw(st.integers(0, 3)))


def oracle(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> tuple[bool, set[str]]:
    """Return whether there is a quorum, and everybody with the most weight; slow and exact."""
    quorum = options.quorum
    if isinstance(quorum, float):
        quorum = math.ceil(Fraction(quorum).limit_denominator(100) * len(electorate.live))
    weigh = {
        c.agent: sum(
            Fraction(electorate.weights.get(b["voter"], 1))
            for b in ballots
            if b["candidate"] == c.agent
        )
        for c in candidates
    }
    enough = 0 < len(ballots) >= quorum
    return enough, {agent for agent, weight in weigh.items() if weight == max(weigh.values())}


@given(elections())
def test_plurality_is_the_oracle(election: Any) -> None:
    """With a quorum one of the heaviest wins, by the tie policy where there are several."""
    ballots, candidates, electorate, options = election
    enough, best = oracle(*election)
    decision = plurality(ballots, candidates, electorate, options)
    if not enough:
        assert decision is None
        return
    assert decision is not None
    assert decision.winner in best
    assert decision.tied == (len(best) > 1)
    tied = [c for c in candidates if c.agent in best]
    if options.tie == "registration":
        assert decision.winner == tied[0].agent
    elif options.tie == "earliest_answer":
        assert decision.winner == min(tied, key=lambda c: c.epoch).agent


@given(elections(), st.randoms(use_true_random=False))
def test_order_never_matters(election: Any, random: Any) -> None:
    """The same ballots and candidates in another order elect the same."""
    ballots, candidates, electorate, options = election
    before = plurality(ballots, candidates, electorate, options)
    random.shuffle(ballots)
    random.shuffle(candidates)
    assert plurality(ballots, candidates, electorate, options) == before


@given(elections(), st.sampled_from([1e-12, 0.5, 1e9]))
def test_only_the_proportion_of_weights_matters(election: Any, scale: float) -> None:
    """Weights may be as small or as large as one likes."""
    ballots, candidates, electorate, options = election
    scaled = {agent: electorate.weight(agent) * scale for agent in electorate.agents}
    other = Electorate(electorate.agents, electorate.live, scaled)
    assert plurality(ballots, candidates, other, options) == plurality(*election)


@settings(max_examples=25)
@given(st.permutations(AGENTS))
def test_sums_of_weights_are_equal(order: Sequence[str]) -> None:
    """0.1 + 0.2 is as much as 0.3: rounding does not break a tie."""
    weigh = {"alice": 0.1, "bob": 0.2, "carol": 0.3}
    target = {"alice": "alice", "bob": "alice", "carol": "carol"}
    electorate = Electorate(AGENTS, frozenset(AGENTS), weigh)
    ballots = [ballot(agent, target[agent]) for agent in order if agent in target]
    candidates = [Candidate("alice", 1), Candidate("carol", 1)]
    assert plurality(ballots, candidates, electorate, RuleOptions()) == Decision("alice", tied=True)


@pytest.mark.parametrize(
    ("quorum", "live", "needed"),
    [
        (1, 3, 1),
        (3, 4, 3),
        (0.5, 3, 2),
        (0.5, 4, 2),
        (1 / 3, 3, 1),
        (2 / 3, 3, 2),
        (0.34, 3, 2),
        (0.1, 10, 1),
        (0.7, 10, 7),
        (0.99, 3, 3),
    ],
)
def test_a_share_rounds_up(quorum: float, live: int, needed: int) -> None:
    """A quorum is a number of ballots, or a share of the live agents, rounded up."""
    agents = [f"a{number}" for number in range(live)]
    electorate = Electorate(agents, frozenset(agents))
    options = RuleOptions(quorum=quorum)
    met = [options.quorum_met(ballots, electorate) for ballots in range(live + 1)]
    assert met == [ballots >= needed for ballots in range(live + 1)]


def test_the_dead_do_not_count() -> None:
    """A share is of the live agents: who failed is not waited for."""
    electorate = Electorate(AGENTS, frozenset(("alice", "bob")))
    assert RuleOptions(quorum=0.5).quorum_met(1, electorate)


def test_a_seed_chooses() -> None:
    """A random tie is settled by the seed alone, and each of the tied can win."""
    electorate = Electorate(AGENTS, frozenset(AGENTS))
    ballots = [ballot(agent, agent) for agent in AGENTS]
    candidates = [Candidate(agent, 1) for agent in AGENTS]

    def winner(seed: int) -> str:
        decision = plurality(ballots, candidates, electorate, RuleOptions(tie="random", seed=seed))
        assert decision is not None
        return decision.winner

    assert {winner(seed) for seed in range(40)} == set(AGENTS)
    assert [winner(seed) for seed in range(40)] == [winner(seed) for seed in range(40)]


def test_no_ballots_elect_nobody() -> None:
    """Without a ballot there is no winner, whoever has an answer."""
    electorate = Electorate(AGENTS, frozenset(AGENTS))
    assert plurality([], [Candidate("alice", 1)], electorate, RuleOptions()) is None
