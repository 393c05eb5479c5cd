"""What keys do."""

from __future__ import annotations

import pytest

from massgraph.display.live.place import _KEYS, HELP, Deed, Place, Seen, press

SEEN = Seen(agents=("alice", "bob", "carol"), top=10, last=30, rows=8)
HOME = Place()
BOB = Place(focus=1, chosen=True)
PAGE = Place("agent", focus=1, top=10, chosen=True)


@pytest.mark.parametrize(
    ("place", "key", "led"),
    [
        (HOME, "c-i", Place(focus=0, chosen=True)),
        (BOB, "c-i", Place(focus=2, chosen=True)),
        (BOB, "s-tab", Place(focus=0, chosen=True)),
        (BOB, "up", Place(focus=0, chosen=True)),
        (Place(focus=2, chosen=True), "right", Place(focus=0, chosen=True)),
        (HOME, "3", Place(focus=2, chosen=True)),
        (HOME, "4", HOME),
        (BOB, "c-m", Place("agent", focus=1, chosen=True)),
        (BOB, "o", Place("agent", focus=1, chosen=True)),
        (PAGE, "o", BOB),
        (PAGE, "escape", BOB),
        (PAGE, "q", BOB),
        (BOB, "escape", Place(focus=1)),
        (PAGE, "c-i", Place("agent", focus=2, chosen=True)),
        (PAGE, "k", Place("agent", focus=1, top=9, chosen=True)),
        (PAGE, "down", Place("agent", focus=1, top=11, chosen=True)),
        (PAGE, "pageup", Place("agent", focus=1, top=3, chosen=True)),
        (PAGE, "home", Place("agent", focus=1, top=0, chosen=True)),
        (PAGE, "end", Place("agent", focus=1, chosen=True)),
        (Place("votes", top=3), "end", Place("votes", top=30)),
        (HOME, "v", Place("votes")),
        (Place("votes"), "v", HOME),
        (Place("votes"), "g", Place("graph")),
        (HOME, "?", Place("help")),
        (BOB, "c", Place(focus=1, chosen=True, asking=Deed("cancel_agent", "bob"))),
        (HOME, "x", HOME),
        (HOME, "q", Deed("quit")),
        (HOME, " ", Deed("pause")),
        (HOME, "+", Deed("faster")),
        (PAGE, "c-l", Deed("redraw")),
    ],
)
def test_a_key(place: Place, key: str, led: Place | Deed) -> None:
    """Each key leads somewhere, or asks something of the run."""
    assert press(place, key, SEEN) == led


@pytest.mark.parametrize("key", ["c", "r"])
def test_an_agent_is_stopped_after_a_yes_alone(key: str) -> None:
    """Any other key takes the question back, and does nothing else."""
    asked = press(BOB, key, SEEN)
    assert isinstance(asked, Place)
    assert asked.asking is not None
    assert press(asked, "y", SEEN) == asked.asking
    assert press(asked, "q", SEEN) == BOB


def test_scrolling_ends_at_both_ends() -> None:
    """Above the first row there is nothing; below the last one, what is written is followed."""
    first = press(PAGE, "pageup", Seen(SEEN.agents, top=2, last=30, rows=8))
    assert first == Place("agent", focus=1, top=0, chosen=True)
    last = press(PAGE, "pagedown", Seen(SEEN.agents, top=28, last=30, rows=8))
    assert last == Place("agent", focus=1, top=None, chosen=True)


def test_nobody_is_there() -> None:
    """Before the run has begun, keys do no harm."""
    for screen in ("home", "agent", "votes", "graph", "help"):
        for key in (*_KEYS, *"123456789xyY"):
            press(Place(screen), key, Seen())


def test_help_names_every_key() -> None:
    """What a key does is told."""
    told = " ".join(keys for keys, _ in HELP).lower()
    names = {"c-i": "tab", "c-m": "enter", " ": "space", "c-l": "ctrl-l", "pageup": "pgup"}
    names |= {"pagedown": "pgdn", "c-j": "enter", "s-tab": "tab"}
    names |= dict.fromkeys(("left", "right", "up", "down"), "arrows")
    for key in set(_KEYS) - {"escape"}:
        assert names.get(key, key) in told
