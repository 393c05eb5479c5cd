"""Plain text: complete lines, without colours or cursor movement."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from .line import Line
from .marks import name_width, prefix
from .narrator import Narrator
from .safe_text import one_line

if TYPE_CHECKING:
    from ..nodes.events import Event


class PlainDisplay:
    """Writes complete lines, without colours or cursor movement.

    Args:
        stream: Where to.
        show_final: Whether the final answer is told, too.
    """

    def __init__(self, stream: TextIO, *, show_final: bool = True) -> None:
        self._stream = stream
        self._narrator = Narrator(show_final=show_final)

    def show(self, event: Event) -> None:
        """Write the lines that the event completes."""
        lines = self._narrator.feed(event)
        if lines:
            width = name_width(self._narrator)
            self._stream.write("".join(f"{prefix(line, width)}{line.text}\n" for line in lines))
            self._stream.flush()

    def note(self, text: str) -> None:
        """Write a line of the program's own."""
        line = Line(one_line(text, 1_000), "bad")
        self._stream.write(f"{prefix(line, name_width(self._narrator))}{line.text}\n")
        self._stream.flush()

    def refresh(self) -> None:
        """Do nothing: there is nothing unfinished to show."""

    def close(self) -> None:
        """Do nothing: nothing was moved."""
