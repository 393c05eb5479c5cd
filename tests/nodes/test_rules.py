from __future__ import annotations

import pytest

from massgraph.nodes.rules import Electorate, RuleOptions

from .strategies import AGENTS


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
