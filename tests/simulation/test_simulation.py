"""The protocol's invariants hold on random teams, policies, faults and schedules."""

from __future__ import annotations

import pytest

from .scenario import GRAPHS
from .simulate import FAMILIES, command, simulate

SEEDS = {"whole": 300, "cancel": 60, "resume": 40}
CHUNK = 20
OF_A_GRAPH = {"whole": 20, "cancel": 10, "resume": 10}
"""Seeds of each graph besides the team's own."""


def check(family: str, first: int, seeds: int = CHUNK) -> None:
    """Run a chunk of seeds; a failure tells how to replay it."""
    for seed in range(first, first + seeds):
        try:
            FAMILIES[family](seed)
        except Exception as exc:
            raise AssertionError(f"{exc}\nReplay it: {command(family, seed)}") from exc


@pytest.mark.parametrize("first", range(0, SEEDS["whole"], CHUNK))
def test_every_invariant_holds_on_random_schedules(first: int) -> None:
    """Whatever agents and tools do, S1 to S8, L1 and L2 hold, and nothing outlives a run."""
    check("whole", first)


@pytest.mark.parametrize("first", range(0, SEEDS["cancel"], CHUNK))
def test_a_run_may_be_cancelled_at_any_time(first: int) -> None:
    """It is cancelled or had just finished, all requests are counted, and nothing outlives it."""
    check("cancel", first)


@pytest.mark.parametrize("first", range(0, SEEDS["resume"], CHUNK))
def test_a_run_may_be_resumed_from_any_time(first: int) -> None:
    """A new graph brings it to its end, and asks nobody again who had finished the round."""
    check("resume", first)


@pytest.mark.parametrize("deed", OF_A_GRAPH)
@pytest.mark.parametrize("graph", GRAPHS)
def test_every_graph_keeps_them(graph: str, deed: str) -> None:
    """Debates, councils, mixtures, samples, one alone, a node of one's own, teams of teams."""
    check(f"{deed}-{graph}", 0, OF_A_GRAPH[deed])


def test_a_seed_gives_the_same_events_each_time() -> None:
    """A run is a pure function of its seed, so a failure can be replayed."""
    for seed in range(7, 12):
        assert simulate(seed) == simulate(seed)
