"""Show a run while it goes on: its events, the display, and readers who leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from ..display.writers import (
    REFRESH_S,
    Display,
    DisplayKind,
    PlainDisplay,
    make_display,
    screen_of,
)
from ..nodes.events import Event, event_to_dict
from .ending import say
from .inbox import Inbox
from .output import OutFile, Stdout, json_line
from .steering import steering
from .verbosity import lines_through

logger = logging.getLogger("massgraph")

_MOST_SAID = 1_000
"""Lines of the log that wait for a terminal at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a run is shown, and where its result goes.

    Args:
        stdout: Takes the result.
        form: What it is printed as.
        file: Takes the answer, too.
        quiet: Whether progress is not shown.
        moving: Whether the display may move the cursor.
        kind: The display that is wanted.
    """

    stdout: Stdout
    form: Literal["text", "json", "events"] = "text"
    file: OutFile | None = None
    quiet: bool = False
    moving: bool = True
    kind: DisplayKind = "rich_terminal"

    def display(self) -> Display | None:
        """Return what shows the run on stderr, or None."""
        return make_display(
            sys.stderr,
            kind=self.kind,
            quiet=self.quiet,
            moving=self.moving,
            stdout_is_terminal=self.form == "text" and self.stdout.is_terminal,
        )


class Watched(Protocol):
    """A run, or one that is played back."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Give out its events."""
        ...

    def cancel(self) -> None:
        """Have its events end."""


async def watch(run: Watched, asking: Asking, display: Display | None) -> None:
    """Show the run until it ends.

    What is written is written in a thread of its own: a reader that does not read stalls nobody.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="display") as thread:
        screen = _Screen(asking, display)
        ticking = asyncio.create_task(_tick(run, screen, thread))
        live = screen_of(display)
        keys = steering(run, live, partial(_in, thread)) if live else contextlib.nullcontext()
        said = _Said(screen, thread)
        with lines_through(said.take):
            try:
                with keys:
                    async for events in Inbox(run):
                        await _in(thread, screen.show, events)
            finally:
                ticking.cancel()
                await _in(thread, screen.close)


class _Screen:
    """What a run is written to while it runs; a reader that left is written to no more."""

    def __init__(self, asking: Asking, display: Display | None) -> None:
        self._asking = asking
        self._display = display

    @property
    def useless(self) -> bool:
        """Whether all that the run is for was its events, and nobody reads them any more."""
        return (
            self._asking.form == "events"
            and self._asking.stdout.closed
            and self._asking.file is None
        )

    def show(self, events: Sequence[Event]) -> None:
        for event in events:
            if self._asking.form == "events":
                self._asking.stdout.write(json_line(event_to_dict(event)))
            self._try(partial(_show, event=event))

    def refresh(self) -> None:
        if self._asking.form == "events":
            self._asking.stdout.look()
        self._try(lambda display: display.refresh())

    def note(self, text: str) -> None:
        """Show a line of the program's own; as it is, unless that would get in a display's way."""
        if self._display is None or isinstance(self._display, PlainDisplay):
            say(text)
        else:
            self._try(lambda display: display.note(text))

    def close(self) -> None:
        self._try(lambda display: display.close())
        self._display = None

    def _try(self, act: Callable[[Display], None]) -> None:
        """Do something to the display; one that fails is closed, and harms no run."""
        display = self._display
        if display is None:
            return
        try:
            act(display)
        except Exception as exc:
            self._display = None
            with contextlib.suppress(Exception):
                display.close()
            if not isinstance(exc, OSError):  # whoever read it is gone, and reads no more of it
                logger.exception("The display fails, and shows nothing more of the run.")


class _Said:
    """The log's lines on their way to the screen; of too many, the oldest are dropped.

    Args:
        screen: Shows them.
        thread: Where it does.
    """

    def __init__(self, screen: _Screen, thread: ThreadPoolExecutor) -> None:
        self._screen = screen
        self._thread = thread
        self._lines: deque[str] = deque(maxlen=_MOST_SAID)
        self._lock = threading.RLock()  # a signal may come while it is held
        self._dropped = 0
        self._due = False

    def take(self, line: str) -> None:
        """Take a line from any thread; a terminal that takes nothing holds nobody up."""
        with self._lock:
            self._dropped += len(self._lines) == _MOST_SAID
            self._lines.append(line)
            if not self._due:
                self._thread.submit(self._show)
                self._due = True

    def _show(self) -> None:
        for line in self._taken():
            self._screen.note(line)

    def _taken(self) -> list[str]:
        with self._lock:
            dropped = [f"massgraph: {self._dropped} lines are left out here"]
            lines = [*(dropped if self._dropped else ()), *self._lines]
            self._lines.clear()
            self._dropped, self._due = 0, False
        return lines


def _show(display: Display, event: Event) -> None:
    display.show(event)


async def _tick(run: Watched, screen: _Screen, thread: ThreadPoolExecutor) -> None:
    """Refresh the screen, and cancel a run that nobody looks at any more."""
    while not screen.useless:
        await asyncio.sleep(REFRESH_S)
        await _in(thread, screen.refresh)
    run.cancel()


async def _in(thread: ThreadPoolExecutor, call: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(thread, call, *arguments)
