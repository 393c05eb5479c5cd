"""Frames: rows of cells, exactly as wide and as high as was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from .cells import cut, fitted
from .looks import FRAME, PLAIN

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Row = list[Segment]
"""A row of a known width."""

Part = tuple[str, Style]
"""A piece of a row, as wide as it is."""


@dataclass(frozen=True, slots=True)
class Size:
    """Columns and rows of a terminal."""

    width: int
    height: int


@dataclass(slots=True)
class Frame:
    """What a terminal shows at one moment.

    Args:
        rows: Its rows, all of the same width.
        top: The first row shown of what scrolls.
        last: The first row that can be shown at most.
        shown: Rows of what scrolls that are shown.
    """

    rows: list[Row] = field(default_factory=list)
    top: int = 0
    last: int = 0
    shown: int = 1

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give out the rows, each on a line."""
        for row in self.rows:
            yield from row
            yield Segment.line()


def row(width: int, *parts: Part) -> Row:
    """Return parts one after the other in exactly `width` cells."""
    made: Row = []
    left = width
    for text, style in parts:
        if left <= 0:
            break
        used = cell_len(text)
        if used > left:
            text, used = fitted(text, left), left  # noqa: PLW2901 - what fits of it
        if text:
            made.append(Segment(text, style))
        left -= used
    if left > 0:
        made.append(Segment(" " * left, PLAIN))
    return made


def spread(width: int, left: Sequence[Part], right: Sequence[Part], fill: Part) -> Row:
    """Return a row with parts at both ends, and `fill` repeated between them.

    Where there is no room for both, the right end is left out, and then the left one is cut.
    """
    wide = sum(cell_len(text) for text, _ in left)
    other = sum(cell_len(text) for text, _ in right)
    if wide + other + 1 > width:
        right, other = (), 0
    text, style = fill
    return row(width, *left, (text * max(width - wide - other, 0), style), *right)


def box(
    size: Size,
    body: Sequence[Row],
    *,
    head: Sequence[Part] = (),
    aside: Sequence[Part] = (),
    foot: Sequence[Part] = (),
    below: Sequence[Part] = (),
    edge: Style = FRAME,
) -> list[Row]:
    """Return a box of exactly this size around rows that are four cells narrower.

    Args:
        size: Of the box, edges included.
        body: What is in it; what is missing is left empty, and what is too much is left out.
        head: Written into the upper edge, on the left.
        aside: On its right.
        foot: Into the lower edge, on the left.
        below: On its right.
        edge: How the edges look.
    """
    side = Segment("│ ", edge), Segment(" │", edge)
    blank = row(size.width - 4)
    room = max(size.height - 2, 0)
    inside = [*body[:room], *[blank] * (room - len(body))]
    return [
        _edge(size.width, "╭╮", head, aside, edge),
        *([side[0], *line, side[1]] for line in inside),
        _edge(size.width, "╰╯", foot, below, edge),
    ][: size.height]


def _edge(
    width: int, corners: str, left: Sequence[Part], right: Sequence[Part], style: Style
) -> Row:
    said = [("─ ", style), *_cut(left, width - 8), (" ", style)] if left else []
    aside = [(" ", style), *right, (" ─", style)] if right else []
    middle = spread(width - 2, said, aside, ("─", style))
    return [Segment(corners[0], style), *middle, Segment(corners[1], style)]


def _cut(parts: Sequence[Part], width: int) -> Iterator[Part]:
    """Give out parts, as many as fit."""
    for text, style in parts:
        fits = cut(text, width)
        if width <= 0 or not fits:
            return
        yield fits, style
        width -= cell_len(fits)


def beside(*columns: Sequence[Row]) -> list[Row]:
    """Return boxes of one height beside each other."""
    return [[piece for part in parts for piece in part] for parts in zip(*columns, strict=True)]
