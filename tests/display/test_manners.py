"""What a stream may be sent."""

from __future__ import annotations

import io

import pytest

from massgraph.display.manners import coloured, is_terminal, may_move


class Terminal(io.StringIO):
    """A stream with a person at its other end."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("term", "no_color", "moves", "colours"),
    [
        ("xterm", "", True, True),
        ("xterm", "1", True, False),
        ("dumb", "", False, False),
        ("Unknown", "", False, False),
        ("", "", True, True),  # as on Windows, which sets none
    ],
)
def test_a_terminal(
    term: str, no_color: str, moves: bool, colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent what it obeys, and what its person wants."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert (may_move(Terminal()), coloured(Terminal())) == (moves, colours)


def test_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a stream that is closed, and none at all are sent plain text."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    closed = Terminal()
    closed.close()
    for stream in (io.StringIO(), closed, None):
        assert (is_terminal(stream), may_move(stream), coloured(stream)) == (False,) * 3
