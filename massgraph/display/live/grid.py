"""The grid: how panels share a space."""

from __future__ import annotations

from collections.abc import Sequence

from .frame import Size

NARROWEST = 36
"""Columns of a panel at least, if there is more than one in a row."""

NO_FRAME = 16
"""Columns below which a frame would leave nothing for its text."""

LOWEST = 5
"""Rows of a panel at least, edges included."""


def grid(number: int, space: Size) -> list[list[Size]] | None:
    """Return the sizes of panels, row by row; None where they have no room.

    The last row may have fewer, and wider, panels.

    Args:
        number: How many panels, 1 at least.
        space: What they share.
    """
    most = max(min(space.width // NARROWEST, number), 1)
    rows = -(-number // most)
    if space.width < NO_FRAME or space.height // rows < LOWEST:
        return None
    heights = shares(space.height, rows)
    counts = shares(number, rows)
    return [
        [Size(width, height) for width in shares(space.width, count)]
        for count, height in zip(counts, heights, strict=True)
    ]


def shares(whole: int, number: int) -> list[int]:
    """Return a whole in parts that differ by one at most, the larger ones first."""
    each, more = divmod(whole, number)
    return [each + (part < more) for part in range(number)]


def window(number: int, focus: int, room: int) -> Sequence[int]:
    """Return which of `number` things are shown where there is room for some, the focused one too.

    Args:
        number: How many there are.
        focus: Which one must be seen.
        room: How many can be.
    """
    first = min(max(focus - room // 2, 0), max(number - room, 0))
    return range(first, min(first + max(room, 0), number))
