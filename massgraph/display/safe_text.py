"""Text of models, made safe to print: it cannot steer a terminal or hide what it says."""

from __future__ import annotations

from ..nodes.json_line import BIDI

_BREAKS = (0x85, 0x2028, 0x2029)

_TABLE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20)},  # as the picture of the control
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    **dict.fromkeys(BIDI, "\ufffd"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # halves of a character
    **dict.fromkeys(_BREAKS, "\n"),
}
for _kept in "\n\t":
    del _TABLE[ord(_kept)]


def safe(text: str) -> str:
    """Return the text with controls made visible; newlines and tabs stay."""
    return text.replace("\r\n", "\n").translate(_TABLE)


def in_row(text: str) -> str:
    """Return the text safe to print in one row; its spaces and tabs stay."""
    return safe(text).replace("\n", " ")


def one_line(text: str, most: int = 300) -> str:
    """Return the text on one line, safe to print, and not longer than `most`."""
    line = " ".join(safe(text[: 4 * most]).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
