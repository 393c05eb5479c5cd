"""Texts that are too long, cut where they are needed least, in the middle; or that are none."""

from __future__ import annotations


def cut_middle(text: str, most: int) -> str:
    """Return a text of at most `most` characters, and a note between its two ends.

    Args:
        text: The text.
        most: Characters that are kept; the note comes on top.
    """
    left = len(text) - most
    if left <= 0:
        return text
    head = most - most // 2
    return f"{text[:head]}{note(left)}{text[len(text) - most // 2 :]}"


def note(left: int) -> str:
    """Return what stands for so many characters."""
    return f"\n[... {left:,} characters are left out here ...]\n"


def sendable(text: str) -> str:
    """Return a text as UTF-8 can hold it: U+FFFD stands for half a surrogate pair.

    Python reads such halves from file names that are not UTF-8, for one.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
