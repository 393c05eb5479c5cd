"""The terminal: whether it can show a run as it goes on."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from ..display.manners import colours_unwanted, is_dumb, is_terminal
from .check import Check

NARROW = 60


def terminal(stream: TextIO | None) -> Check:
    """Return what a terminal can do.

    Args:
        stream: Where progress is shown; None where there is nothing.
    """
    name = "terminal"
    if not is_terminal(stream):
        return Check(name, "ok", "stderr is none: progress is shown as plain lines")
    encoding = (getattr(stream, "encoding", None) or "ascii").lower()
    columns, rows = shutil.get_terminal_size()
    told = f"{columns} x {rows}, {_colour()}, {encoding}"
    if is_dumb():
        return Check(name, "warning", f"{told}, TERM is dumb", "set TERM to see the live view")
    if "utf" not in encoding:
        return Check(name, "warning", told, "set LANG or PYTHONUTF8=1 to see all characters")
    if columns < NARROW:
        return Check(name, "warning", told, f"the live view wants {NARROW} columns")
    return Check(name, "ok", told)


def _colour() -> str:
    if colours_unwanted():
        return "no colour (NO_COLOR)"
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in os.environ.get("TERM", "") else "colour"


def stderr() -> TextIO | None:
    """Return the stream that progress is shown on."""
    return sys.__stderr__
