"""How lines look: a name, a mark and a style."""

from __future__ import annotations

from collections.abc import Mapping

from .line import Line, Style
from .narrator import Narrator
from .safe_text import in_row

MARKS: Mapping[Style, str] = {
    "text": "|",
    "reasoning": "~",
    "answer": ">",
    "final": "=",
    "note": ":",
    "good": ":",
    "bad": "!",
}
STYLES: Mapping[Style, str] = {
    "text": "dim",
    "reasoning": "dim italic",
    "answer": "",
    "final": "bold",
    "note": "dim",
    "good": "bold",
    "bad": "red",
}
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")
"""Of agents, in the order of the team; after the last one the first comes again."""

_MACHINE = "*"
_WIDEST_NAME = 16


def name_width(narrator: Narrator) -> int:
    """Return how wide the names are."""
    names = (min(len(agent), _WIDEST_NAME) for agent in narrator.agents)
    return max(names, default=len(_MACHINE))


def prefix(line: Line, width: int) -> str:
    """Return what stands before a line: whose it is, and a mark.

    Args:
        line: The line.
        width: Of the name.
    """
    name = in_row(line.agent or _MACHINE)
    if len(name) > width:
        name = f"{name[: width - 1]}…"
    return f"{name:<{width}} {MARKS[line.style]} "
