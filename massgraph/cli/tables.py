"""Tables: for a person at a terminal, and plain for whatever reads stdout else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Literal

_LEAST = 12
"""Columns that a column of words has at least, where it may be cut."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words.

    Args:
        headings: What stands above each column.
        rows: The cells; nothing but the last one of a row has a blank in it.
        right: The columns of numbers.
        spare: Columns that a narrow terminal does without, the first one first. Of those that
            are words the end may be cut: a number that is cut is another number.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[int] = ()
    spare: Sequence[int] = ()

    def drawn(self, is_terminal: bool) -> bytes:
        """Return the table as lines.

        Args:
            is_terminal: Whether a person sees it: coloured, and no wider than the terminal.
        """
        return (self._rich() if is_terminal else self._plain()).encode("utf-8", "replace")

    def _plain(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "".join(f"{self._line(line, widths)}\n" for line in lines)

    def _line(self, line: Sequence[str], widths: Sequence[int]) -> str:
        cells = (
            f"{cell:>{width}}" if number in self.right else f"{cell:<{width}}"
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    def _rich(self) -> str:
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        text = StringIO()
        # As wide as the terminal, and coloured unless NO_COLOR or TERM=dumb say otherwise.
        console = Console(file=text, force_terminal=True, highlight=False)
        table = RichTable(box=None, pad_edge=False, header_style="bold")
        shown = self._columns_within(console.width)
        for number in shown:
            right = number in self.right
            whole = right or number not in self.spare
            justify: Literal["left", "right"] = "right" if right else "left"
            table.add_column(self.headings[number], justify=justify, no_wrap=whole)
        for row in self.rows:
            table.add_row(*(Text(row[number], overflow="ellipsis") for number in shown))
        console.print(table)
        return text.getvalue()

    def _columns_within(self, width: int) -> list[int]:
        """Return the columns that there is room for."""
        from rich.cells import cell_len

        wide: dict[int, int] = {}
        for number, column in enumerate(zip(self.headings, *self.rows, strict=True)):
            cut = number in self.spare and number not in self.right
            wide[number] = min(max(map(cell_len, column)), _LEAST if cut else width)
        for number in self.spare:
            if sum(wide.values()) + 2 * (len(wide) - 1) > width:
                del wide[number]
        return list(wide)
