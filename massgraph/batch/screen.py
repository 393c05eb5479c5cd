"""Progress on stderr: a bar on a terminal, elsewhere a line now and then.

It is written in a thread of its own: a terminal that is stopped stalls no question.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TextIO

from ..display.manners import may_move
from ..display.safe_text import safe
from .progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

REFRESH_S = 0.2
LINE_EVERY_S = 30.0
LINE_EVERY_SHARE = 0.1


class Screen(Protocol):
    """Shows progress; called from one thread at a time."""

    def show(self, progress: Progress) -> None:
        """Show how the batch stands."""

    def note(self, text: str) -> None:
        """Show a line of the program's own."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Lines:
    """Writes a line every tenth of the way, and every 30 seconds.

    Args:
        stream: Where to.
        now: The time, in seconds.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._now = stream, now
        self._told_at, self._told = now(), -1
        self._share: float | None = None

    def show(self, progress: Progress) -> None:
        """Write a line, if it is time for one."""
        if self._share is None:
            self._share = progress.share
        far = progress.share - self._share >= LINE_EVERY_SHARE - 1e-9
        long = self._now() - self._told_at >= LINE_EVERY_S
        if progress.count.done == self._told or not (far or long):
            return
        self._told, self._share, self._told_at = progress.count.done, progress.share, self._now()
        self._stream.write(f"{progress.text()}\n")
        self._stream.flush()

    def note(self, text: str) -> None:
        """Write it."""
        self._stream.write(f"{safe(text)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: nothing was moved."""


class Bar:
    """Draws one line with a bar, as wide as the terminal.

    Args:
        stream: A terminal.
    """

    NARROWEST = 8

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        self._console = Console(file=stream, force_terminal=True, highlight=False)
        self._bar: RichProgress = RichProgress(
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=self.NARROWEST)),
            "{task.fields[told]}",
            console=self._console,
            auto_refresh=False,
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID | None = None

    def show(self, progress: Progress) -> None:
        """Draw it anew."""
        told = progress.text(self._console.width - self.NARROWEST - 2)
        count = progress.count
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("", total=count.total, told=told)
        self._bar.update(self._task, completed=count.done, told=told, refresh=True)

    def note(self, text: str) -> None:
        """Write it above the bar."""
        from rich.text import Text

        self._console.print(Text(safe(text)), soft_wrap=True)

    def close(self) -> None:
        """Take the bar away, and show the cursor."""
        self._bar.stop()


def make_screen(stream: TextIO | None, *, quiet: bool, moving: bool) -> Screen | None:
    """Return what shows progress on a stream, or None for nothing.

    Args:
        stream: Usually stderr; None when there is none.
        quiet: Whether nothing is to be shown.
        moving: Whether the cursor may move.
    """
    if quiet or stream is None or stream.closed:
        return None
    if moving and may_move(stream):
        return Bar(stream)
    return Lines(stream)


@asynccontextmanager
async def shown(
    screen: Screen | None, look: Callable[[], Progress], notes: deque[str]
) -> AsyncGenerator[None]:
    """Show progress while the block runs; a stream that takes nothing is left alone.

    Args:
        screen: What shows it; None for nothing.
        look: Tells how the batch stands.
        notes: Lines to show besides; they may come from any thread.
    """
    if screen is None:
        yield
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="display") as thread:
        ticking = asyncio.create_task(_tick(screen, look, notes, thread))
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.wait({ticking})
            for last in (partial(_show, screen, look(), notes), screen.close):
                with suppress(OSError, ValueError):
                    await _in(thread, last)


async def _tick(
    screen: Screen, look: Callable[[], Progress], notes: deque[str], thread: ThreadPoolExecutor
) -> None:
    with suppress(OSError, ValueError):
        while True:
            await _in(thread, partial(_show, screen, look(), notes))
            await asyncio.sleep(REFRESH_S)


def _show(screen: Screen, progress: Progress, notes: deque[str]) -> None:
    while notes:
        screen.note(notes.popleft())
    screen.show(progress)


async def _in(thread: ThreadPoolExecutor, call: Callable[[], None]) -> None:
    await asyncio.get_running_loop().run_in_executor(thread, call)
