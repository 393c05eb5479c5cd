"""Where the lines of a run go: plain text, or a terminal with colours and unfinished lines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from .line import Line, Style
from .narrator import WIDEST, Narrator

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from ..nodes.events import Event

REFRESH_S = 0.1
"""How long a piece of text waits at most until a terminal shows it."""

_MARKS: Mapping[Style, str] = {
    "text": "|",
    "reasoning": "~",
    "answer": ">",
    "final": "=",
    "note": ":",
    "good": ":",
    "bad": "!",
}
_STYLES: Mapping[Style, str] = {
    "text": "dim",
    "reasoning": "dim italic",
    "answer": "",
    "final": "bold",
    "note": "dim",
    "good": "bold",
    "bad": "red",
}
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")
_MACHINE = "*"
_WIDEST_NAME = 16
_NARROWEST = 8


class Display(Protocol):
    """Shows a run; called from one thread at a time."""

    def show(self, event: Event) -> None:
        """Take the next event in."""

    def refresh(self) -> None:
        """Show what has changed since; called every `REFRESH_S`."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainDisplay:
    """Writes complete lines, without colours or cursor movement.

    Args:
        stream: Where to.
        show_final: Whether the final answer is told, too.
    """

    def __init__(self, stream: TextIO, *, show_final: bool = True) -> None:
        self._stream = stream
        self._narrator = Narrator(show_final=show_final)

    def show(self, event: Event) -> None:
        """Write the lines that the event completes."""
        lines = self._narrator.feed(event)
        if lines:
            width = _name_width(self._narrator)
            self._stream.write("".join(f"{_prefix(line, width)}{line.text}\n" for line in lines))
            self._stream.flush()

    def refresh(self) -> None:
        """Do nothing: there is nothing unfinished to show."""

    def close(self) -> None:
        """Do nothing: nothing was moved."""


class TerminalDisplay:
    """Writes complete lines in colours, and below them what the agents are writing.

    Args:
        stream: A terminal.
        moving: Whether the cursor may move; otherwise only complete lines are shown.
        show_final: Whether the final answer is told, too.
    """

    def __init__(self, stream: TextIO, *, moving: bool = True, show_final: bool = True) -> None:
        from rich.console import Console

        self._narrator = Narrator(show_final=show_final)
        self._console = Console(file=stream, force_terminal=True, highlight=False)
        self._live = self._new_live() if moving else None
        self._shown: list[Line] = []
        self._refreshed = 0.0
        self._since: dict[str, float] = {}

    def show(self, event: Event) -> None:
        """Print the lines that the event completes, and refresh the rest now and then."""
        width = _name_width(self._narrator)
        self._narrator.widest = min(WIDEST, self._room(width))
        lines = self._narrator.feed(event)
        width = _name_width(self._narrator)
        for line in lines:
            for piece in self._wrapped(line, self._room(width)):
                self._console.print(self._text(piece, width), soft_wrap=True)
        self._follow_turns()
        if time.monotonic() - self._refreshed >= REFRESH_S:
            self.refresh()

    def refresh(self) -> None:
        """Show the unfinished lines, and who is waited for, if that has changed."""
        self._refreshed = time.monotonic()
        lines = self._below()
        if self._live is None or lines == self._shown:
            return
        self._shown = lines
        if not self._live.is_started:
            self._live.start()
        self._live.refresh()

    def close(self) -> None:
        """Take the unfinished lines away, and show the cursor."""
        if self._live is not None and self._live.is_started:
            self._live.stop()

    def __rich__(self) -> Group:
        """Return the lines below as they are now."""
        from rich.console import Group

        width = _name_width(self._narrator)
        return Group(*(self._tail(line, width) for line in self._below()))

    def _below(self) -> list[Line]:
        """Return the unfinished line of each agent; of those that write nothing, how long so."""
        writing = {line.agent: line for line in self._narrator.unfinished()}
        now = time.monotonic()
        waited = {agent: int(now - since) for agent, since in self._since.items()}
        waiting = {a: Line(f"... {s} s", "note", a) for a, s in waited.items() if s > 0}
        lines = waiting | writing
        return [lines[agent] for agent in self._narrator.agents if agent in lines]

    def _follow_turns(self) -> None:
        """Note since when each agent is at work."""
        now = time.monotonic()
        self._since = {agent: self._since.get(agent, now) for agent in self._narrator.at_work}

    def _room(self, width: int) -> int:
        """Return how many columns there are for the text of a line."""
        return max(self._console.width - len(_prefix(Line(""), width)), _NARROWEST)

    def _wrapped(self, line: Line, room: int) -> Iterator[Line]:
        """Give out a line in pieces that fit, broken at spaces where there are any."""
        from rich.text import Text

        for piece in Text(line.text).wrap(self._console, room, overflow="fold", tab_size=4):
            yield Line(piece.plain.rstrip(), line.style, line.agent)

    def _new_live(self) -> Live:
        from rich.live import Live

        return Live(
            self,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def _text(self, line: Line, width: int) -> Text:
        from rich.text import Text

        prefix = _prefix(line, width)
        colour = "dim"
        if line.agent in self._narrator.agents:
            colour = _COLOURS[self._narrator.agents.index(line.agent) % len(_COLOURS)]
        return Text.assemble((prefix, colour), (line.text, _STYLES[line.style]))

    def _tail(self, line: Line, width: int) -> Text:
        """Return the end of an unfinished line, as much as fits on one line of the terminal."""
        from rich.cells import cell_len

        text = line.text.replace("\t", " ")
        room = max(self._console.width - len(_prefix(line, width)) - 1, 1)
        while cell_len(text) > room:
            text = text[max(1, (cell_len(text) - room) // 2) :]
        tail = self._text(Line(text, line.style, line.agent), width)
        tail.no_wrap = True
        return tail


def make_display(
    stream: TextIO | None,
    *,
    quiet: bool = False,
    moving: bool = True,
    stdout_is_terminal: bool = False,
) -> Display | None:
    """Return the display that fits a stream, or None for none.

    Args:
        stream: Usually stderr; None when there is none.
        quiet: Whether nothing is to be shown.
        moving: Whether the cursor may move on a terminal.
        stdout_is_terminal: Whether the answer is printed to the same eyes anyway.
    """
    if quiet or stream is None or stream.closed:
        return None
    if stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        return TerminalDisplay(stream, moving=moving, show_final=not stdout_is_terminal)
    return PlainDisplay(stream, show_final=not (stream.isatty() and stdout_is_terminal))


def _name_width(narrator: Narrator) -> int:
    names = (min(len(agent), _WIDEST_NAME) for agent in narrator.agents)
    return max(names, default=len(_MACHINE))


def _prefix(line: Line, width: int) -> str:
    name = line.agent or _MACHINE
    if len(name) > width:
        name = f"{name[: width - 1]}…"
    return f"{name:<{width}} {_MARKS[line.style]} "
