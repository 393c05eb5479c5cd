"""Text in the cells of a terminal: cut to a width, and wrapped."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, chop_cells, set_cell_size

from ..line import broken

ELLIPSIS = "…"

_MARKS = 4
"""Characters a cell that are looked at: one with its marks; with more of them, a piece is short."""


@lru_cache(maxsize=20_000)
def wrapped(text: str, width: int) -> tuple[str, ...]:
    """Return a line in pieces of at most `width` cells, broken at spaces where there are any."""
    if text.isascii():
        return tuple(broken(text, width))
    pieces: list[str] = []
    enough = _MARKS * width  # to measure what is left again for each piece would be quadratic
    while len(text) > enough or cell_len(text) > width:
        begin = text[:enough]
        [fits, *_] = chop_cells(begin, width) or [begin]  # it may be nothing but marks
        fits = fits or text[0]
        at = len(fits)
        if not text[at : at + 1].isspace():
            at = fits.rfind(" ") if fits.rfind(" ") > 0 else at
        pieces.append(text[:at].rstrip())
        text = text[at:].lstrip(" ")
    return (*pieces, text)


def fitted(text: str, width: int) -> str:
    """Return the text in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    if text.isascii() and len(text) <= width:
        return text.ljust(width)
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + ELLIPSIS
    return set_cell_size(text, width)


def cut(text: str, width: int) -> str:
    """Return the text in at most `width` cells."""
    return fitted(text, width).rstrip() if cell_len(text) > width else text


def from_end(text: str, width: int) -> str:
    """Return the end of a text, in at most `width` cells."""
    if text.isascii():
        return text[-width:] if width > 0 else ""
    text = text[-2 * width :] if width > 0 else ""
    while cell_len(text) > width:
        text = text[max(1, (cell_len(text) - width) // 2) :]
    return text
