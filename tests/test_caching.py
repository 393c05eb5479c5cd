"""What providers can serve from their caches is measured, and the order of prompts goes by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.caching import COUNTS, figures, measured, shares
from benchmarks.conversations import Conversation, play, scenarios
from benchmarks.layouts import LAYOUTS, SCHEMAS

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

RECORDED: dict[str, dict[str, float]] = json.loads(
    (Path(__file__).parents[1] / "benchmarks" / "results" / "caching.json").read_text()
)
FAMILIES = dict.fromkeys(scenario["family"] for scenario in scenarios())


def scenario(name: str) -> dict[str, Any]:
    return next(one for one in scenarios() if one["name"] == name)


@pytest.fixture(scope="module")
def played() -> list[Conversation]:
    """Return some conversations in which the tools change."""
    names = ("e_one_answer_each_n2", "f_own_tools_n2", "g_first_is_late_n5")
    return [play(scenario(name)) for name in names]


def test_everything_is_recorded() -> None:
    """A row for each family, for all together, and for each other layout."""
    assert list(RECORDED) == [*FAMILIES, "all", *LAYOUTS]


@pytest.mark.parametrize(
    "family", ["f_own_tools", pytest.param("b_late_improve", marks=pytest.mark.soak)]
)
def test_what_is_recorded_is_so(family: str) -> None:
    """Played again, the conversations give the same figures, to one character in a hundred."""
    assert measured(family)[family] == pytest.approx(RECORDED[family], abs=0.01)


def test_no_order_of_schemas_would_be_served_more(played: list[Conversation]) -> None:
    """What is sent is the best order, and every other one is worse where it makes a difference."""
    sent = shares([figures(one) for one in played])
    *others, best = [
        shares([figures(one, layout) for one in played]) for layout in SCHEMAS.values()
    ]
    assert sent == best
    assert all(other["prefix"] < best["prefix"] for other in others)
    assert all(other[name] <= best[name] for other in others for name in COUNTS)


def test_markers_are_worth_it(played: list[Conversation]) -> None:
    """Where a provider wants markers, little is served without ours, and much with them."""
    for one in played:
        share = shares([figures(one)])
        assert share["markers"] > share["unmarked"] + 0.15
        assert share["markers"] <= share["prefix"] == share["team"]
        assert share["price"] < 1 < share["price un."] + 0.1
