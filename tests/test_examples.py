"""Every example does what it shows."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
LAST_LINE = {
    "chat_model": "name='blue'",
    "follow_up": "4,806 metres.",
    "langgraph_node": "Blue.",
    "quickstart": "-- by ",
    "tools": "6 x 7 = 42",
    "watch": "cancelled {'quick': 'An answer after 0.01 s.', 'slow': 'An answer after 0.05 s.'}",
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A newcomer who runs it sees what it promises."""
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-1].startswith(LAST_LINE[path.stem])


def test_every_example_is_short_and_known() -> None:
    """An example is read in a minute."""
    assert {path.stem for path in EXAMPLES} == set(LAST_LINE)
    assert all(len(path.read_text().splitlines()) <= 60 for path in EXAMPLES)
