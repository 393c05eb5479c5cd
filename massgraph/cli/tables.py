"""Tables: for a person at a terminal, and plain for whatever reads stdout else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import StringIO


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words.

    Args:
        headings: What stands above each column.
        rows: The cells; nothing but the last one of a row has a blank in it.
        right: The columns of numbers.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[int] = ()

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

        table = RichTable(box=None, pad_edge=False, header_style="bold")
        for number, heading in enumerate(self.headings):
            right = number in self.right
            table.add_column(heading, justify="right" if right else "left", no_wrap=number == 0)
        for row in self.rows:
            table.add_row(*map(Text, row))
        text = StringIO()
        # As wide as the terminal, and coloured unless NO_COLOR or TERM=dumb say otherwise.
        console = Console(file=text, force_terminal=True, highlight=False)
        console.print(table)
        return text.getvalue()
