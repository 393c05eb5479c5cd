"""A terminal: complete lines in colours, and below them what is not complete yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from .display import REFRESH_S
from .line import Line
from .marks import COLOURS, STYLES, name_width, prefix
from .narrator import WIDEST, Narrator
from .safe_text import one_line

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from ..nodes.events import Event

_NARROWEST = 8


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
        width = name_width(self._narrator)
        self._narrator.widest = min(WIDEST, self._room(width))
        for line in self._narrator.feed(event):
            self._print(line)
        self._follow_turns()
        if time.monotonic() - self._refreshed >= REFRESH_S:
            self.refresh()

    def note(self, text: str) -> None:
        """Print a line of the program's own."""
        self._print(Line(one_line(text, 1_000), "bad"))

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

        return Group(*self.tails())

    def tails(self) -> list[Text]:
        """Return the lines below as they are now, each as wide as the terminal at most."""
        width = name_width(self._narrator)
        return [self._tail(line, width) for line in self._below()]

    def _print(self, line: Line) -> None:
        """Print a line above the unfinished ones."""
        width = name_width(self._narrator)
        for piece in self._wrapped(line, self._room(width)):
            self._console.print(self._text(piece, width), soft_wrap=True)

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
        return max(self._console.width - len(prefix(Line(""), width)), _NARROWEST)

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

        name = prefix(line, width)
        colour = "dim"
        if line.agent in self._narrator.agents:
            colour = COLOURS[self._narrator.agents.index(line.agent) % len(COLOURS)]
        return Text.assemble((name, colour), (line.text, STYLES[line.style]))

    def _tail(self, line: Line, width: int) -> Text:
        """Return the end of an unfinished line, as much as fits on one line of the terminal."""
        from rich.cells import cell_len

        text = line.text.replace("\t", " ")
        room = max(self._console.width - len(prefix(line, width)) - 1, 1)
        while cell_len(text) > room:
            text = text[max(1, (cell_len(text) - room) // 2) :]
        tail = self._text(Line(text, line.style, line.agent), width)
        tail.no_wrap = True
        return tail
