"""What the live view looks like, kept as text.

`SNAPSHOTS=write pytest tests/display/live/test_snapshots.py` writes them anew; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from massgraph.display.live.frame import Size
from massgraph.display.live.place import Place
from massgraph.display.live.view import View

from .scenes import at, many, seen, shown, tongues

KEPT = Path(__file__).parent / "snapshots"

SCENES: dict[str, tuple[View, Size, Place]] = {
    "wide": (at(5.3), Size(160, 45), Place()),
    "narrow": (at(5.3), Size(50, 24), Place()),
    "tiny": (at(5.3), Size(20, 5), Place()),
    "debate": (at(10.2), Size(110, 30), Place()),
    "focus": (at(13.0), Size(110, 30), Place(focus=1, chosen=True)),
    "agent": (at(13.0), Size(80, 24), Place("agent", focus=0, chosen=True)),
    "scrolled": (at(13.0), Size(60, 12), Place("agent", focus=0, top=2, chosen=True)),
    "votes": (at(10.2), Size(80, 24), Place("votes")),
    "graph": (at(10.2), Size(100, 24), Place("graph")),
    "help": (at(5.3), Size(80, 24), Place("help")),
    "final": (at(18.0), Size(110, 30), Place()),
    "final_narrow": (at(18.0), Size(44, 14), Place()),
    "over": (at(99.0), Size(80, 24), Place()),
    "agents_12": (seen(many(12)), Size(140, 50), Place()),
    "agents_20": (seen(many(20)), Size(100, 30), Place(focus=7, chosen=True)),
    "agents_20_low": (seen(many(20)), Size(80, 14), Place(focus=17, chosen=True)),
    "agents_20_wide": (seen(many(20)), Size(200, 60), Place()),
    "tongues": (seen(tongues()), Size(110, 24), Place()),
}


@pytest.mark.parametrize("name", SCENES)
def test_the_screen(name: str) -> None:
    """Each scene looks as it did when somebody looked at it."""
    view, size, place = SCENES[name]
    text = "".join(f"{row.rstrip()}\n" for row in shown(view, size, place))
    kept = KEPT / f"{name}.txt"
    if os.environ.get("SNAPSHOTS") == "write":
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


def test_nothing_is_kept_that_nobody_looks_at() -> None:
    """Every snapshot is one of a scene."""
    assert {path.stem for path in KEPT.iterdir()} == set(SCENES)
