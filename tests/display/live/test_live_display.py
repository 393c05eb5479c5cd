"""The live view on a terminal, as a terminal sees it."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyte
import pytest

from massgraph.display.live.ansi import Painter
from massgraph.display.live.cells import wrapped
from massgraph.display.live.fold import MOST_NOTES
from massgraph.display.live.frame import Frame, Size
from massgraph.display.live.live_display import LiveDisplay
from massgraph.display.live.picture import picture
from massgraph.display.live.place import Place
from massgraph.display.live.tty import LEAVE
from massgraph.display.terminal import TerminalDisplay
from massgraph.display.writers import PlainDisplay, make_display, screen_of
from massgraph.nodes import events as ev

from ..test_narrator import finish
from .scenes import ARABIC, HEBREW, WIDE, begun, neptune, seen, shown, tongues

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX has such terminals")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Screen(io.StringIO):
    """A terminal that is a file, too."""

    encoding = "utf-8"  # type: ignore[assignment]

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def isatty(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return a descriptor that is a terminal's."""
        return self._descriptor


@dataclass
class Stage:
    """A display on a screen."""

    stream: Screen
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.display = LiveDisplay(self.stream, clock=self.clock, stdin=self.stream)
        self.begun = 0

    def tick(self, seconds: float = 1.0) -> str:
        """Let time pass, and return what is written then."""
        self.begun = len(self.stream.getvalue())
        self.clock.now += seconds
        self.display.refresh()
        return self.stream.getvalue()[self.begun :]

    def rows(self, columns: int = 80, lines: int = 24) -> list[str]:
        """Return what a terminal shows after all that was written."""
        screen = pyte.Screen(columns, lines)
        pyte.Stream(screen).feed(self.stream.getvalue())
        return list(screen.display)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """Return a terminal of 80 columns and 24 rows."""
    import fcntl
    import struct
    import termios

    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    yield Screen(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def stage(stream: Screen) -> Stage:
    """Return a display that has seen the beginning of a run."""
    stage = Stage(stream)
    for event in neptune()[:40]:
        stage.display.show(event)
    return stage


def test_the_screen_is_taken_a_little_later(stage: Stage) -> None:
    """A run that is over at once makes nothing flicker; then all is drawn."""
    assert stage.stream.getvalue() == ""
    written = stage.tick()
    assert written.startswith("\x1b[?1049h\x1b[?25l")
    view = seen(neptune()[:40])
    assert stage.rows() == shown(view, Size(80, 24), now=view.t + 1.0)


def test_only_what_has_changed_is_drawn(stage: Stage) -> None:
    """Nothing new costs nothing; a clock that goes on costs some rows."""
    stage.tick()
    assert stage.tick(0.2) == ""
    changed = stage.tick(1.0)
    assert 0 < changed.count(";1H") <= 6
    assert "\x1b[2J" not in changed


def test_the_screen_is_given_back(stage: Stage) -> None:
    """With the cursor, and a few lines of what there was; also a second time."""
    stage.tick()
    stage.display.note("the disk is full")
    for event in neptune()[40:]:
        stage.display.show(event)
    begun = len(stage.stream.getvalue())
    stage.display.close()
    left = stage.stream.getvalue()[begun:]
    assert left.startswith(LEAVE)
    for said in ("the disk is full", "winner: cleo (by consensus)", "settled: 3 rounds", "ben"):
        assert said in left
    stage.display.close()
    stage.display.refresh()
    stage.display.press("v")
    assert stage.stream.getvalue()[begun:] == left


def test_what_was_never_drawn_is_not_given_back(stage: Stage) -> None:
    """A run that was over at once leaves its summary alone."""
    for event in neptune()[40:]:
        stage.display.show(event)
    stage.display.close()
    assert "\x1b[?" not in stage.stream.getvalue()
    assert "settled" in stage.stream.getvalue()


def test_keys_draw_at_once(stage: Stage) -> None:
    """Nobody waits for what a key shows."""
    stage.tick()
    assert stage.display.press("v") is None
    assert any("Votes on the answers" in row for row in stage.rows())
    stage.display.press("q")
    assert stage.display.press("1") is None
    assert stage.display.press("c") is None
    assert "cancel ada?  y / n" in stage.rows()[-1]
    deed = stage.display.press("y")
    assert deed is not None
    assert (deed.kind, deed.agent) == ("cancel_agent", "ada")
    assert "y / n" not in stage.rows()[-1]


def test_a_replay_that_stands_still(stage: Stage) -> None:
    """Its clock stands still, too, and it says so."""
    stage.tick()
    stage.display.pause(True)
    assert "paused" in stage.rows()[-1]
    before = stage.rows()
    stage.tick(60.0)
    assert stage.rows() == before
    stage.display.pause(False)
    stage.tick(2.0)
    assert "paused" not in stage.rows()[-1]
    assert stage.rows()[0].rstrip().endswith("0:07")


def test_the_terminal_is_taken_as_it_was_and_given_back(stage: Stage) -> None:
    """Keys come one by one and are not echoed meanwhile; Ctrl-C stays a signal."""
    import termios

    before = termios.tcgetattr(stage.stream.fileno())
    stage.tick()
    during = termios.tcgetattr(stage.stream.fileno())[3]
    assert not during & (termios.ECHO | termios.ICANON)
    assert during & termios.ISIG
    stage.display.sleep()
    assert termios.tcgetattr(stage.stream.fileno()) == before
    stage.tick()
    stage.tick()
    assert stage.stream.getvalue().count("\x1b[?1049h") == 2, "it is taken once more"
    stage.display.close()
    assert termios.tcgetattr(stage.stream.fileno()) == before


def test_drawing_takes_a_quarter_of_the_time_at_most(
    stream: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow terminal there are fewer pictures, however many events there are."""
    stage = Stage(stream)
    monkeypatch.setattr(stream, "flush", lambda: setattr(stage.clock, "now", stage.clock.now + 0.4))
    stage.display.show(begun("alice"))
    stage.tick()
    at = stage.clock.now
    pictures = 0
    while stage.clock.now < at + 20:
        said = ev.AgentText(agent="alice", delta=f"{pictures} word\n")
        before = len(stream.getvalue())
        stage.display.show(said)
        pictures += len(stream.getvalue()) > before
        stage.clock.now += 0.01
    assert pictures <= 20 * 0.25 / 0.4 + 1


def test_there_are_few_pictures_on_a_fast_terminal_too(stage: Stage) -> None:
    """However often something is said, eight a second are enough."""
    stage.tick()
    pictures = 0
    for number in range(2_000):
        stage.clock.now += 0.001
        before = len(stage.stream.getvalue())
        stage.display.show(ev.AgentText(agent="ada", delta=f"{number}\n"))
        pictures += len(stage.stream.getvalue()) > before
    assert 10 <= pictures <= 17


@pytest.mark.parametrize(("name", "coloured"), [("NO_COLOR", False), ("", True)])
def test_colours(
    name: str, coloured: bool, stream: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without colours the layout stays, and so do bold and dim."""
    if name:
        monkeypatch.setenv(name, "1")
    stage = Stage(stream)
    for event in neptune()[:40]:
        stage.display.show(event)
    written = stage.tick()
    assert ("\x1b[32m" in written or "\x1b[1;32m" in written) is coloured
    assert "\x1b[2m" in written


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, LiveDisplay),
        ({"moving": False}, TerminalDisplay),
        ({"kind": "terminal"}, TerminalDisplay),
        ({"kind": "simple"}, PlainDisplay),
        ({"quiet": True}, None),
    ],
)
def test_which_display(options: dict[str, object], kind: type | None, stream: Screen) -> None:
    """The one that is wanted, or the next simpler one that the terminal can show."""
    display = make_display(stream, **options)  # type: ignore[arg-type]
    assert (display if kind is None else type(display)) is kind
    assert (screen_of(display) is display) is (kind in (LiveDisplay, None))


def test_terminals_that_can_do_less(stream: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that knows no frames, one that is somebody else's, and one that moves no cursor."""
    stream.encoding = "ascii"  # type: ignore[misc]
    assert isinstance(make_display(stream), TerminalDisplay)
    stream.encoding = "utf-8"  # type: ignore[misc]
    with monkeypatch.context() as patch:
        patch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
        assert isinstance(make_display(stream), TerminalDisplay)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_display(stream), PlainDisplay)
    assert isinstance(make_display(io.StringIO()), PlainDisplay)


def cells(events: list[ev.Event], columns: int, lines: int) -> list[list[str]]:
    """Return what is in each cell of a terminal that showed something else before."""
    frame = picture(seen(events), Size(columns, lines), Place(), 0.0)
    screen = pyte.Screen(columns, lines)
    stream = pyte.Stream(screen)
    stream.feed("\x1b[?7l" + "".join(f"\x1b[{n + 1};1H{'#' * columns}" for n in range(lines)))
    stream.feed(Painter("256").painted(frame, (columns, lines)))
    return [[screen.buffer[y][x].data for x in range(columns)] for y in range(lines)]


@pytest.mark.parametrize("columns", [40, 72, 80, 110, 160])
def test_no_tongue_breaks_a_frame(columns: int) -> None:
    """Wide characters, marks, emoji, and text from right to left: each edge is in its column."""
    edges: list[int] = []
    checked = 0
    for line in cells(tongues(), columns, 44)[1:-2]:
        found = [x for x, cell in enumerate(line) if cell[:1] in tuple("│╭╮╰╯")]
        edges = found if line[0] == "╭" or not found else edges
        assert found == edges, "".join(line)
        assert "#" not in "".join(line)
        checked += len(found)
    assert checked >= 2 * 40


@pytest.mark.parametrize("text", [HEBREW, ARABIC])
def test_right_to_left_text_leaves_its_neighbours_alone(text: str) -> None:
    """It stands between two marks that end its reach, and the column after it is set anew."""
    frame = Frame(picture(seen(tongues()), Size(110, 24), Place(), 0.0).rows)
    painted = Painter(None).painted(frame, (110, 24))
    at = painted.index(text[:5])
    assert painted[at - 1] == "\u200e"
    end = painted.index("\u200e", at)
    assert painted[end + 1 : end + 3] == "\x1b["


def test_models_move_no_cursor(stage: Stage) -> None:
    """What would steer a terminal is shown instead, wherever it comes from."""
    nasty = "\x1b[2J\x1b[1;1Hgone\x07\x9b5A\u202egnp"
    for event in (
        begun("alice"),
        ev.AnswerText(agent="alice", delta=nasty),
        ev.ToolStarted(agent="alice", name=nasty, arguments={nasty: nasty}),
        ev.VoteCast(voter="alice", candidate=nasty, reason=nasty),
        ev.AgentStatus(agent="alice", status=nasty),
        ev.PresentingStarted(agent="alice"),
        ev.FinalText(agent="alice", delta=nasty),
    ):
        stage.display.show(event)
        for key in ("v", "g", "o", "escape"):
            stage.tick()
            stage.display.press(key)
    written = stage.stream.getvalue()
    assert "\x1b[1;1Hgone" not in written
    assert not set("\x07\x9b\u202e") & set(written)
    assert "gone" in written


def test_tiny_terminals(stage: Stage) -> None:
    """However small it is, something is shown and nothing breaks."""
    for place in (Place(), *(Place(screen) for screen in ("agent", "votes", "graph", "help"))):
        for events in (neptune()[:1], neptune()[:40], neptune()[:-3], []):
            for size in (Size(1, 1), Size(3, 2), Size(2, 50), Size(20, 5), Size(300, 4)):
                shown(seen(events), size, place)


@pytest.mark.parametrize("width", [1, 2, 7])
def test_text_that_begins_with_marks_is_wrapped(width: int) -> None:
    """Marks have no width, and a piece of text may be nothing else."""
    for text in ("\u200d\u200d日", "\u0301" * 40 + "日本", "a" + "\u0301" * 300, WIDE * 3):
        assert "".join(wrapped(text, width)) == text


def test_keys_are_read_where_a_person_types(stage: Stage) -> None:
    """From stdin if it is a terminal."""
    assert stage.display.keys is stage.stream
    assert LiveDisplay(stage.stream, stdin=sys.__stdin__).keys is not None


def test_what_is_closed_does_nothing_but_say(stage: Stage) -> None:
    """Keys that nobody sees ask for nothing; what is printed then is written as lines."""
    stage.tick()
    stage.display.press("1")
    stage.display.press("c")
    stage.display.close()
    begun = len(stage.stream.getvalue())
    assert stage.display.press("y") is None
    stage.display.note("a tool\x1b[2J says so")
    assert stage.stream.getvalue()[begun:] == "a tool\u241b[2J says so\n"


def test_notes_that_nobody_can_see_are_bounded(stage: Stage) -> None:
    """A terminal that takes nothing may stand still for hours."""
    for number in range(3 * MOST_NOTES):
        stage.display.note(str(number))
    stage.display.close()
    told = re.sub(r"\x1b\[[0-9;]*m", "", stage.stream.getvalue()).splitlines()
    assert told == [str(number) for number in range(2 * MOST_NOTES, 3 * MOST_NOTES)]


def test_names_move_no_cursor_either(stage: Stage) -> None:
    """Not even after the screen is given back: a record may be anybody's."""
    nasty = "\x1b[2J\nbob"
    for event in (begun(nasty, "bob"), finish(**{nasty: {}, "bob": {}})):
        stage.display.show(event)
    stage.tick()
    at = len(stage.stream.getvalue())
    stage.display.close()
    left = stage.stream.getvalue()[at:].removeprefix(LEAVE)
    assert "\x1b[2J" not in left
    assert "\u241b[2J bob" in left
