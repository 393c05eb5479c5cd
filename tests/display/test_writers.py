"""Where the lines go."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import io
import re

import pytest

from massgraph.display.writers import PlainDisplay, TerminalDisplay, make_display
from massgraph.nodes import events as ev

from .test_narrator import BEGIN, ended, says

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
MOVE = re.compile(r"\x1b\[[0-9;?]*[A-HJKhl]")


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look like an ordinary terminal of 40 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")


def shown(stream: io.StringIO, **options: bool) -> str:
    """Return what a display writes of a little run."""
    display = make_display(stream, **options)
    assert display is not None
    for event in (BEGIN, says("alice", "Paris\nis [bold]it[/bold] " + "x" * 60)):
        display.show(event)
    display.refresh()
    display.show(ended("alice", "new_answer"))
    display.close()
    return stream.getvalue()


def test_off_a_terminal() -> None:
    """Plain text, complete lines, aligned."""
    assert shown(io.StringIO()) == (
        "*     : team: alice (scripted m), bob (scripted m)\n"
        "alice > Paris\n"
        f"alice > is [bold]it[/bold] {'x' * 60}\n"
        "alice : has a new answer (1.2 s)\n"
    )


def test_on_a_terminal() -> None:
    """Colours, and the unfinished line shown at once, cut to the width, and taken away again."""
    text = shown(Terminal())
    assert COLOUR.search(text)
    assert MOVE.search(text)
    assert "\x1b[?25l" in text
    assert text.rstrip().endswith("\x1b[?25h") or text.rindex("\x1b[?25h") > text.rindex(
        "\x1b[?25l"
    )
    assert "is [bold]it[/bold]" in COLOUR.sub("", text)


def test_what_is_complete_is_not_unfinished() -> None:
    """A line is taken away from below when it is printed above."""
    stream = Terminal()
    display = TerminalDisplay(stream)
    for event in (BEGIN, says("alice", "I can be")):
        display.show(event)
    display.refresh()
    begun = len(stream.getvalue())
    display.show(says("alice", " exact.\n"))
    display.show(ended("alice", "new_answer"))
    display.close()
    assert "I can be" in COLOUR.sub("", stream.getvalue()[:begun])
    assert COLOUR.sub("", stream.getvalue()[begun:]).count("I can be") == 1


@pytest.mark.parametrize(
    ("name", "value", "colour", "move"),
    [("NO_COLOR", "1", False, True), ("TERM", "dumb", False, False)],
)
def test_manners(
    name: str, value: str, colour: bool, move: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR and TERM=dumb are honoured."""
    monkeypatch.setenv(name, value)
    text = shown(Terminal())
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", text)) is colour
    assert bool(MOVE.search(text)) is move


def test_forced_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is no terminal, whatever the environment says."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in shown(io.StringIO())


def test_without_moving() -> None:
    """The cursor can be told to stay."""
    text = shown(Terminal(), moving=False)
    assert COLOUR.search(text)
    assert not MOVE.search(text)


def test_no_display() -> None:
    """Quiet is quiet, and so is a stream that is not there."""
    assert make_display(io.StringIO(), quiet=True) is None
    assert make_display(None) is None


def test_the_final_answer_is_not_shown_twice() -> None:
    """Where stdout is the same terminal, the final answer is left to it."""
    final = says("alice", "Paris it is\n", ev.FinalText)
    for display, times in ((TerminalDisplay(Terminal(), show_final=False), 0), (PlainDisplay(io.StringIO()), 1)):  # fmt: skip
        display.show(BEGIN)
        display.show(final)
        display.close()
        stream = display._stream if isinstance(display, PlainDisplay) else display._console.file
        assert stream.getvalue().count("Paris it is") == times  # type: ignore[attr-defined]
