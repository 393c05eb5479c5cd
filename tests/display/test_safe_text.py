"""Text that is safe to print."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from massgraph.display.safe_text import one_line, safe


def test_what_is_made_visible() -> None:
    """Controls are shown instead of obeyed; newlines and tabs stay."""
    assert safe("\x1b[31mred\x07\n\tü 😀\r\nend\r") == "␛[31mred␇\n\tü 😀\nend␍"
    assert safe("a\u202eb\u2066c\x9bd\x7fe\ud83d") == "a\ufffdb\ufffdc\ufffdd␡e\ufffd"
    assert safe("a\u2028b\x85c") == "a\nb\nc"


@given(st.text())
def test_nothing_steers_a_terminal(text: str) -> None:
    """No control character is left, whatever the text is."""
    left = {unicodedata.category(char) for char in safe(text) if char not in "\n\t"}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}


@given(st.text(), st.integers(min_value=3, max_value=50))
def test_one_line(text: str, most: int) -> None:
    """A line is one line, and no longer than asked."""
    line = one_line(text, most)
    assert len(line) <= most
    assert len(line.splitlines()) <= 1
