"""What a person has written, as a message shows it: words, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

Keys = tuple[str | int, ...]
"""Keys and list indices that lead to a value."""

MOST_PROBLEMS = 100
"""Problems that are listed; what has more of them has one that matters."""

_LONGEST_WORD = 64


def quoted(word: str) -> str:
    """Return a word in quotes, on one line, and not longer than a line."""
    shown = word if len(word) <= _LONGEST_WORD else word[: _LONGEST_WORD - 3] + "..."
    return repr(shown)


def sentence(text: str) -> str:
    """Return a text with an end."""
    text = text.rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `; did you mean 'x'?`, or `; known: ...` when no known word is close."""
    close = get_close_matches(word, known, n=1) if len(word) <= _LONGEST_WORD else []
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""
