"""Rows as a terminal takes them: only those that have changed, and each column where it belongs."""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment

from ..safe_text import safe
from .frame import Frame, Row

_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}

_SURE = re.compile(
    r"[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2190-\u21ff\u2500-\u25fc✓✗]*"
)
"""Characters of whose width every terminal is sure."""

_LEFT_TO_RIGHT = "\u200e"
"""A mark without width. Around right-to-left text it keeps terminals that reorder a row from
reordering what stands beside that text."""


class Painter:
    """Turns frames into what is written, given what the terminal shows already.

    Args:
        color_system: As rich names it; None for no styles at all.
        colours: Whether there may be colours; styles such as bold are there anyway.
    """

    def __init__(self, color_system: str | None, *, colours: bool = True) -> None:
        self._system = _SYSTEMS.get(color_system or "")
        self._colours = colours
        self._shown: list[Row] = []
        self._size = (0, 0)

    def forget(self) -> None:
        """Draw everything anew next time."""
        self._size = (0, 0)

    def painted(self, frame: Frame, size: tuple[int, int]) -> str:
        """Return what turns what is shown into the frame; empty where nothing has changed.

        Args:
            frame: What is to be shown.
            size: Of the terminal; another one than before draws everything anew.
        """
        old = self._shown if size == self._size else []
        written = [] if old else ["\x1b[2J"]
        for number, row in enumerate(frame.rows):
            if number >= len(old) or old[number] != row:
                written.append(f"\x1b[{number + 1};1H{self._row(row)}")
        self._shown, self._size = frame.rows, size
        if not written:
            return ""
        # All at once, where a terminal knows how: nobody sees half a frame.
        return f"\x1b[?2026h{''.join(written)}\x1b[?2026l"

    def _row(self, row: Row) -> str:
        """Return a row; after text that a terminal may measure otherwise, the column is set."""
        pieces: list[str] = []
        column, sure = 0, True
        for segment in row:
            column += cell_len(segment.text)
            if _SURE.fullmatch(segment.text):
                pieces.append(self._styled(segment, segment.text))
            else:
                sure = False
                pieces.append(self._styled(segment, _kept_apart(segment.text)))
                pieces.append(f"\x1b[{column + 1}G")
        return "".join(pieces) if sure else f"\x1b[2K{''.join(pieces)}"

    def _styled(self, segment: Segment, text: str) -> str:
        style = segment.style
        if style is None or self._system is None:
            return text
        shown = style if self._colours else style.without_color
        return shown.render(text, color_system=self._system)


def _kept_apart(text: str) -> str:
    """Return text so that neither what steers nor what is right-to-left leaves its place."""
    text = safe(text).replace("\n", " ").replace("\t", " ")
    if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        return f"{_LEFT_TO_RIGHT}{text}{_LEFT_TO_RIGHT}"
    return text
