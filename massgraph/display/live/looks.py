"""How things look: colours are the terminal's own, so that they fit its theme."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style

from ..line import Style as LineStyle
from .view import Doing

PLAIN = Style()
DIM = Style(dim=True)
BOLD = Style(bold=True)
FRAME = Style(color="bright_black")
GOOD = Style(color="green")
BAD = Style(color="red")
KEY = Style(bold=True)
HERE = Style(color="green", bold=True)
ASK = Style(color="yellow", bold=True)

AGENTS = tuple(
    Style(color=name)
    for name in ("cyan", "magenta", "yellow", "blue", "bright_cyan", "bright_magenta")
)
"""Colours of agents, in the order of the team; after the last one the first comes again. Red and
green are left out: they say what went wrong, and what went well."""

LINES: Mapping[LineStyle, Style] = {
    "text": PLAIN,
    "reasoning": Style(dim=True, italic=True),
    "answer": PLAIN,
    "final": PLAIN,
    "note": DIM,
    "good": GOOD,
    "bad": BAD,
}

MARKS: Mapping[LineStyle, str] = {
    "text": "  ",
    "reasoning": "  ",
    "answer": "▎ ",
    "final": "▎ ",
    "note": "· ",
    "good": "· ",
    "bad": "! ",
}
"""What stands before each row of a line."""

WORDS: Mapping[Doing, tuple[str, Style]] = {
    "waiting": ("waiting", DIM),
    "thinking": ("thinking", DIM),
    "writing": ("writing", PLAIN),
    "answering": ("writing an answer", PLAIN),
    "tool": ("using a tool", PLAIN),
    "retrying": ("asked again", BAD),
    "answered": ("has a new answer", GOOD),
    "voted": ("has voted", GOOD),
    "stopped": ("stopped", DIM),
    "abstains": ("abstains", DIM),
    "failed": ("failed", BAD),
    "presenting": ("presenting", HERE),
    "presented": ("has presented", GOOD),
}
"""What is said of what an agent does."""


def colour(number: int) -> Style:
    """Return the colour of an agent by its number, from 0."""
    return AGENTS[number % len(AGENTS)]
