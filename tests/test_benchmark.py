"""Coordination takes no more calls, and no more time, than that of MassGen 0.0.3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.coordination import BASELINE, compare
from benchmarks.player import load

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

SCENARIOS = sorted((Path(__file__).parents[1] / "benchmarks" / "scenarios").glob("*.json"))
RECORDED = json.loads(BASELINE.read_text())["scenarios"]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_takes_no_more_calls_and_decides_no_later(path: Path) -> None:
    """2N calls (3N with one late improvement), and at most 1 ms later in virtual time."""
    row = compare(load(path), RECORDED[path.stem])
    assert row["good"], row


def test_all_recorded_scenarios_are_there() -> None:
    """Every scenario whose figures are recorded is compared."""
    assert {path.stem for path in SCENARIOS} == set(RECORDED)
