"""What an agent has written, as much of it as a person scrolls back to."""

from __future__ import annotations

from dataclasses import replace

from ..line import Line, Style
from ..safe_text import safe

MOST_LINES = 2_000
"""Lines that are kept of one agent."""

RULE = "── "
"""What a line begins with that parts rounds."""

LONGEST = 1_000
"""Characters of one line; what is longer goes on in the next one."""

_SPARE = 200
"""Lines that are dropped at once, so that dropping is rare."""


class Page:
    """Lines, the newest last; the last one may grow."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._open = False

    def write(self, delta: str, style: Style) -> None:
        """Take in a piece of text; what is not of its style ends the line before."""
        if not self._open or not self.lines or self.lines[-1].style != style:
            self.lines.append(Line("", style))
        first, *rest = safe(delta).expandtabs(4).split("\n")
        self._go_on(first)
        for line in rest:
            self.lines.append(Line("", style))
            self._go_on(line)
        self._open = True
        self._drop()

    def add(self, line: Line) -> None:
        """Take in a whole line."""
        if self._open and self.lines and not self.lines[-1].text.strip():
            self.lines.pop()
        self.lines.append(line)
        self._open = False
        self._drop()

    def _go_on(self, text: str) -> None:
        """Make the last line longer."""
        last = self.lines.pop()
        whole = last.text + text
        while len(whole) > LONGEST:
            at = whole.rfind(" ", LONGEST // 2, LONGEST) + 1 or LONGEST
            self.lines.append(replace(last, text=whole[:at].rstrip()))
            whole = whole[at:]
        self.lines.append(replace(last, text=whole))

    def _drop(self) -> None:
        if len(self.lines) > MOST_LINES:
            del self.lines[:_SPARE]
