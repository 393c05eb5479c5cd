"""The protocol's invariants hold on random teams, policies, faults and schedules."""

from __future__ import annotations

import pytest

from .simulate import command, simulate

SEEDS = 320
CHUNK = 20


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_invariant_holds_on_random_schedules(first: int) -> None:
    """Whatever the agents do, S1 to S8, L1 and L2 hold, and nothing outlives a run."""
    for seed in range(first, first + CHUNK):
        try:
            simulate(seed)
        except Exception as exc:
            raise AssertionError(f"{exc}\nReplay it: {command(seed)}") from exc


def test_a_seed_gives_the_same_events_each_time() -> None:
    """A run is a pure function of its seed, so a failure can be replayed."""
    for seed in range(7, 12):
        assert simulate(seed) == simulate(seed)
