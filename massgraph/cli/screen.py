"""Show a run while it goes on: its events, the display, and readers who leave."""

from __future__ import annotations

import asyncio
import contextlib
import sys
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
        with lines_through(lambda line: thread.submit(screen.note, line)):
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
        if self._display is not None:
            try:
                act(self._display)
            except (OSError, ValueError):
                with contextlib.suppress(OSError, ValueError):
                    self._display.close()
                self._display = None


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
