"""Show a run while it goes on: its events, the display, and readers who leave."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..display.writers import REFRESH_S, Display, make_display
from ..nodes.events import Event, event_to_dict
from .output import OutFile, Stdout, json_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a run is shown, and where its result goes.

    Args:
        stdout: Takes the result.
        form: What it is printed as.
        file: Takes the answer, too.
        quiet: Whether progress is not shown.
        moving: Whether the display may move the cursor.
    """

    stdout: Stdout
    form: Literal["text", "json", "events"] = "text"
    file: OutFile | None = None
    quiet: bool = False
    moving: bool = True

    def display(self) -> Display | None:
        """Return what shows the run on stderr, or None."""
        return make_display(
            sys.stderr,
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
        try:
            async for event in run:
                await _in(thread, screen.show, event)
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

    def show(self, event: Event) -> None:
        if self._asking.form == "events":
            self._asking.stdout.write(json_line(event_to_dict(event)))
        self._try(lambda display: display.show(event))

    def refresh(self) -> None:
        if self._asking.form == "events":
            self._asking.stdout.look()
        self._try(lambda display: display.refresh())

    def close(self) -> None:
        self._try(lambda display: display.close())

    def _try(self, act: Callable[[Display], None]) -> None:
        if self._display is not None:
            try:
                act(self._display)
            except (OSError, ValueError):
                self._display = None


async def _tick(run: Watched, screen: _Screen, thread: ThreadPoolExecutor) -> None:
    """Refresh the screen, and cancel a run that nobody looks at any more."""
    while not screen.useless:
        await asyncio.sleep(REFRESH_S)
        await _in(thread, screen.refresh)
    run.cancel()


async def _in(thread: ThreadPoolExecutor, call: Callable[..., None], *arguments: Any) -> None:
    await asyncio.get_running_loop().run_in_executor(thread, call, *arguments)
