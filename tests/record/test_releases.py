"""The records of every release keep loading."""

from __future__ import annotations

from pathlib import Path

import pytest

import massgraph
from massgraph import __version__
from massgraph.nodes.record import fold_events
from massgraph.record.event_file import read_record
from massgraph.record.pacing import paced
from massgraph.record.playing import Playing
from tests.vloop import run_virtual

from .release import RELEASES

RECORDS = sorted(RELEASES.glob("*.jsonl"))
EXAMPLE = Path(massgraph.__file__).parents[1] / "examples" / "moons.jsonl"


@pytest.mark.parametrize("path", [*RECORDS, EXAMPLE], ids=lambda path: path.stem)
def test_a_record_of_a_release_loads_folds_and_plays(path: Path) -> None:
    """It is whole, its fold is its result, and it takes as long as the run took."""
    loaded = read_record(path)
    assert not loaded.findings

    last = loaded.attempts[-1]
    assert last.result is not None
    folded = fold_events(loaded.events)
    assert folded.result == last.result
    ended = folded.ended(last.result["outcome"], last.result["duration_s"])
    assert ended | {"answer": last.result["answer"]} == last.result

    async def play() -> int:
        return len([event async for event in Playing(paced(last.events))])

    assert run_virtual(play()) == len(last.events)


def test_this_release_has_a_record() -> None:
    """A release that changes its number leaves a record behind: see release.py."""
    assert __version__ in [path.stem for path in RECORDS]
