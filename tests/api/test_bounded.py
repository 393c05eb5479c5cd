"""What a run keeps is bounded, and nothing of it stays; `make soak` shows the same at length."""

from __future__ import annotations

import asyncio

import pytest

from ..soak.babble import Kind
from ..soak.backpressure import check, stalled
from ..soak.leaks import HELD, soaked, ways
from ..soak.peak import Peak

CHUNKS = 20_000
MOST_MIB = 6.0
"""Twenty thousand events that are kept one by one take 8 MiB."""


@pytest.mark.parametrize("kind", ["mixed", "status"])
def test_a_reader_that_stops_costs_little(kind: Kind) -> None:
    """Who reads no more stops nothing and loses no end, and what waits for them stays small."""
    asyncio.run(stalled(kind, 2, 500))
    with Peak() as peak:
        events = asyncio.run(stalled(kind, 2, CHUNKS))
    assert check(events, kind, 2, CHUNKS) < 100
    assert peak.growth_mib <= MOST_MIB


def test_nothing_of_a_run_stays() -> None:
    """After many runs there are no more handles, tasks and threads than before, and no objects."""

    async def many() -> dict[str, float]:
        return await soaked(ways(None)["reused"](), 30)

    figures = asyncio.run(many())
    assert all(figures[what] <= 0 for what in HELD), figures
    assert figures["blocks_a_run"] < 100, "a run that is kept has a thousand and more"
