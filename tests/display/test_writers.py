"""Where the lines go."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import io
import re

import pytest

from massgraph.display.writers import PlainDisplay, TerminalDisplay, make_display
from massgraph.nodes import events as ev

from .test_narrator import BEGIN, ended, finish, says

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


@pytest.mark.parametrize("columns", ["24", "40", "80", "120"])
def test_lines_are_broken_at_spaces(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line fits, no word is broken, and each line tells whose it is."""
    monkeypatch.setenv("COLUMNS", columns)
    stream = Terminal()
    display = TerminalDisplay(stream)
    words = "some words of a line that is far longer than any terminal is wide " * 3
    vote = ev.VoteCast(voter="bob", candidate="alice", reason=words)
    for event in (BEGIN, says("alice", words), ended("alice", "abstained", words), vote):
        display.show(event)
    lines = stream.getvalue().splitlines()
    lines = [COLOUR.sub("", MOVE.sub("", line)).rpartition("\r")[2] for line in lines]
    assert max(map(len, lines)) <= int(columns)
    assert {line[:8] for line in lines if line} == {"*     : ", "alice > ", "alice : ", "bob   : "}
    assert {word for line in lines for word in line[8:].split()} >= set(words.split())
    told = " ".join(line[8:] for line in lines)
    assert " ".join(words.split()) in " ".join(told.split())


def test_who_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is at a turn and writes nothing has a line with the seconds, until the turn ends."""
    now = 100.0
    monkeypatch.setattr("massgraph.display.terminal.time.monotonic", lambda: now)
    stream = Terminal()
    display = TerminalDisplay(stream)
    for event in (BEGIN, *(ev.TurnStarted(agent=a, answers=[]) for a in ("alice", "bob"))):
        display.show(event)
    display.show(says("alice", "Paris"))

    def below() -> str:
        begun = len(stream.getvalue())
        display.refresh()
        return COLOUR.sub("", stream.getvalue()[begun:])

    now = 104.2
    assert "bob   : ... 4 s" in below()
    now = 104.8
    assert below() == "", "nothing has changed"
    now = 105.1
    assert "bob   : ... 5 s" in below()
    display.show(ended("bob", "vote"))
    now = 107.0
    assert "bob" not in below()
    display.close()


def test_a_long_name_is_cut() -> None:
    """Columns stay aligned, whatever an agent is called."""
    agents = [{"id": name, "provider": "scripted"} for name in ("a" * 30, "bob")]
    stream = io.StringIO()
    display = PlainDisplay(stream)
    display.show(ev.RunStarted(question="q", agents=agents, policy={}, graph="team"))
    display.show(says("a" * 30, "one\n"))
    display.show(says("bob", "two\n"))
    assert stream.getvalue().splitlines()[1:] == [f"{'a' * 15}… > one", f"bob{' ' * 13} > two"]


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


@pytest.mark.parametrize("columns", ["24", "40", "80"])
def test_the_table_is_aligned_on_a_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each agent's row is one line, below the header, without a colour that NO_COLOR forbids."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    display = TerminalDisplay(stream, moving=False)
    bob = {"input_tokens": 123456, "cost_usd": None}
    for event in (BEGIN, finish(alice={"output_tokens": 1234, "cost_usd": 0.25}, bob=bob)):
        display.show(event)
    *_, head, alice, bobs = COLOUR.sub("", stream.getvalue()).splitlines()
    assert (head[:8], alice[:8], bobs[:8]) == ("*     : ", "alice : ", "bob   : ")
    assert [row.rpartition(" ")[2] for row in (head, alice, bobs)] == ["cost", "$0.2500", "unknown"]
    assert len({len(row) for row in (head, alice, bobs)}) == 1
    assert len(head) <= int(columns)
    assert ("123,456" in bobs) == (columns != "24")


@pytest.mark.parametrize("make", [PlainDisplay, TerminalDisplay])
def test_names_move_no_cursor_and_begin_no_line(make: type[PlainDisplay | TerminalDisplay]) -> None:
    """A record may be anybody's: its ids, candidates and models are texts, too."""
    nasty = "\x1b[2J\nbob   > I agree\u202e"
    agents = [{"id": name, "provider": nasty, "model": nasty} for name in (nasty, "bob")]
    stream = Terminal()
    display = make(stream)
    for event in (
        ev.RunStarted(question=nasty, agents=agents, policy={}, graph=nasty),
        ev.RoundOpened(asked=[nasty]),
        says(nasty, "word"),
        ev.VoteCast(voter=nasty, candidate=nasty, reason=nasty),
        ev.VoteDropped(voter="bob", candidate=nasty, why=nasty),
        ev.AgentsReleased(agents=[nasty], because_of=nasty),
        ev.WinnerSelected(winner=nasty, settled_by="consensus", dissent=[]),
        ev.BudgetReached(which=nasty, agent=nasty),
        finish(**{nasty: {}, "bob": {}}),
    ):
        display.show(event)
    display.close()
    written = COLOUR.sub("", stream.getvalue())
    assert "\x1b[2J" not in written
    assert "\u202e" not in written
    assert not re.search(r"^bob +> ", written, re.MULTILINE)
    assert "\u241b[2J" in written
