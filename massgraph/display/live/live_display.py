"""The live view on a terminal: takes the screen, draws it now and then, and gives it back."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from ..line import Line
from ..marks import STYLES
from ..narrator import TABLE
from ..safe_text import in_row
from ..sentences import summary
from ..usage_table import usage_table
from .ansi import Painter
from .fold import MOST_NOTES, note, take
from .frame import Size
from .keyboard import reading_keys
from .looks import colour
from .picture import picture
from .place import Deed, Place, Seen, press, settled
from .tty import Tty, key_stream
from .view import View

if TYPE_CHECKING:
    from ...nodes.events import Event

OFTEN_S = 0.12
"""Seconds between two pictures at least: about eight a second."""

SHARE = 4
"""A picture that takes a second is drawn every `SHARE` seconds at most."""

AFTER_S = 0.25
"""Seconds until the screen is taken: what is over by then does not make it flicker."""

HINT_S = 3.0
"""Seconds for which something is said in the place of the keys."""

_PATIENCE_S = 0.5


class LiveDisplay:
    """Shows a run on the whole screen of a terminal.

    Args:
        stream: The terminal.
        clock: Gives the time in seconds.
        stdin: Where keys are typed, if it is a terminal; otherwise `stream` may take them.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        clock: Callable[[], float] = time.monotonic,
        stdin: TextIO | None = None,
    ) -> None:
        console = Console(file=stream, force_terminal=True)
        self._stream = stream
        self._clock = clock
        self._tty = Tty(stream, key_stream(stdin or sys.stdin, stream))
        self._painter = Painter(console.color_system, colours=not console.no_color)
        self._console = console
        self._view = View()
        self._place = Place()
        self._seen = Seen()
        self._lock = threading.RLock()
        self._closed = False
        self._asleep = False
        self._stopped_at: float | None = None
        self._anchor = (0.0, clock())
        self._next = clock() + AFTER_S
        self._drawn: object = None
        self._hint = ("", 0.0)
        self._noted: deque[str] = deque(maxlen=MOST_NOTES)

    @property
    def keys(self) -> TextIO | None:
        """Where keys are typed; None where nobody can."""
        return self._tty.keys

    def reading_keys(self, typed: Callable[[str], None]) -> AbstractContextManager[None]:
        """Return a context in which each key that is typed is handed on, by its name.

        Args:
            typed: Takes the name; called on the event loop that runs.
        """
        return reading_keys(self.keys, typed)

    def show(self, event: Event) -> None:
        """Take the next event in, and draw if it is time."""
        with self._lock:
            take(self._view, event)
            self._anchor = (self._view.t, self._clock())
            self.refresh()

    def refresh(self) -> None:
        """Draw if it is time, and anything has changed."""
        with self._lock:
            self._take_notes()
            if self._clock() >= self._next:
                self._draw()

    def note(self, text: str) -> None:
        """Show a line of the program's own; it is told once more at the end.

        Of a display that is closed already, as one that fails is, it is written as it is.
        """
        if self._closed:
            with contextlib.suppress(OSError, ValueError):
                self._tty.write(f"{in_row(text)}\n")
            return
        # Whoever says something must not wait for a terminal that takes nothing.
        self._noted.append(text)

    def hint(self, text: str) -> None:
        """Say something for a moment in the place of the keys."""
        with self._lock:
            self._hint = (text, self._clock() + HINT_S)
            self._draw()

    def pause(self, paused: bool) -> None:
        """Stop the clock, or let it go on."""
        with self._lock:
            now = self._now()
            self._anchor = (now, self._clock())
            self._stopped_at = now if paused else None
            self._drawn = None
            self._draw()

    def press(self, key: str) -> Deed | None:
        """Do what a key is for, and return what it asks of the run.

        Args:
            key: Its name, as prompt_toolkit has it.
        """
        with self._lock:
            if self._closed:
                return None  # nobody sees what they do
            led = press(self._place, key, self._seen)
            if isinstance(led, Deed):
                self._place = settled(self._place)
            else:
                self._place = led
            if isinstance(led, Deed) and led.kind == "redraw":
                self._painter.forget()
                self._drawn = None
            self._draw()
            return led if isinstance(led, Deed) else None

    def sleep(self) -> None:
        """Give the screen back for as long as the process is stopped."""
        with self._lock:
            self._tty.leave()
            self._asleep = True

    def close(self) -> None:
        """Give the screen back, and tell in a few lines how the run ended."""
        # A signal may come while another thread draws, on a terminal that takes nothing.
        owned = self._lock.acquire(timeout=_PATIENCE_S)
        try:
            if self._closed:
                return
            self._closed = True
            self._take_notes()
            self._tty.leave()
            for line in _last_words(self._view):
                self._console.print(self._text(line), soft_wrap=True, highlight=False)
        finally:
            if owned:
                self._lock.release()

    def _take_notes(self) -> None:
        while self._noted:
            note(self._view, self._noted.popleft())
            self._hint = (self._view.notes[-1], self._clock() + HINT_S)

    def _now(self) -> float:
        """Return the seconds since the run began."""
        if self._stopped_at is not None:
            return self._stopped_at
        if self._view.result is not None or not self._view.agents:
            return self._view.t
        t, at = self._anchor
        return t + self._clock() - at

    def _draw(self) -> None:
        """Draw, unless it would be the same again, or the screen is not ours."""
        if self._closed or not self._awake():
            return
        began = self._clock()
        columns, rows = size = self._tty.size()
        now, hint = self._now(), self._said(began)
        drawn = (self._view.changes, int(now), self._place, size, hint)
        if drawn == self._drawn:
            return
        if not self._tty.taken:
            self._painter.forget()
            self._tty.enter()
        frame = picture(self._view, Size(columns, rows), self._place, now, hint)
        self._seen = Seen(tuple(self._view.agents), frame.top, frame.last, frame.shown)
        self._tty.write(self._painter.painted(frame, size))
        self._drawn = drawn
        took = self._clock() - began
        self._next = began + max(OFTEN_S, SHARE * took)

    def _awake(self) -> bool:
        """Return whether the screen may be drawn; after a stop, once it is ours again."""
        if self._asleep and self._tty.ours:
            self._asleep, self._drawn = False, None
        return not self._asleep

    def _said(self, at: float) -> str:
        if self._stopped_at is not None:
            return "paused   space go on   + faster   - slower   q quit"
        text, until = self._hint
        return text if at < until else ""

    def _text(self, line: Line) -> Text:
        agents = list(self._view.agents)
        if line.agent not in agents:
            return Text(in_row(line.text), STYLES[line.style])
        name = max(map(len, agents))
        tint = colour(agents.index(line.agent))
        return Text.assemble(
            (f"{in_row(line.agent):<{name}}  ", tint), (in_row(line.text), STYLES[line.style])
        )


def _last_words(view: View) -> Iterator[Line]:
    """Give out what is left to read of a run when its screen is gone."""
    yield from (Line(text, "bad") for text in view.notes)
    for one in view.agents.values():
        if one.doing == "failed":
            said = next((n.text for n in reversed(one.page.lines) if n.style == "bad"), "failed")
            yield Line(said, "bad", one.id)
    if view.result is None:
        return
    if view.winner is not None and len(view.agents) > 1:
        yield Line(f"winner: {view.winner} (by {view.settled_by.replace('_', ' ')})", "good")
    yield summary(view.result)
    indent = " " * (max(map(len, view.agents), default=0) + 2)
    for agent, text in usage_table(view.result["usage"], TABLE):
        yield Line(text if agent else indent + text, "note", agent)
