"""What a run is written to: a display that fails, and lines that nobody takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from massgraph.cli.output import Stdout
from massgraph.cli.screen import _MOST_SAID, Asking, _Said, _Screen, watch
from massgraph.display.writers import Display
from massgraph.nodes import events as ev


class Broken:
    """A display that cannot show what it is given."""

    def __init__(self, exc: Exception) -> None:
        self.exc = exc
        self.shown = 0
        self.closed = False

    def show(self, event: ev.Event) -> None:
        """Fail."""
        self.shown += 1
        raise self.exc

    def refresh(self) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Fail once more."""
        self.closed = True
        raise KeyError("usage")


class Speaking:
    """A run that says three things."""

    def __init__(self) -> None:
        self.said = 0

    async def __aiter__(self) -> AsyncIterator[ev.Event]:
        """Give them out."""
        for _ in range(3):
            await asyncio.sleep(0)
            self.said += 1
            yield ev.AgentText(agent="alice", delta="word")

    def cancel(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("exc", [IndexError("rows"), OSError("the terminal is gone")])
def test_a_display_that_fails_harms_no_run(
    exc: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It is closed and left alone, which is told unless its reader has left; the run goes on."""
    display, run = Broken(exc), Speaking()
    with Stdout() as stdout:
        asyncio.run(watch(run, Asking(stdout=stdout), display))
    assert (run.said, display.shown, display.closed) == (3, 1, True)
    assert ("The display fails" in caplog.text) is isinstance(exc, IndexError)


class Noting(Broken):
    """A display that takes notes."""

    def __init__(self) -> None:
        super().__init__(ValueError())
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Take one."""
        self.notes.append(text)


def test_lines_wait_for_a_terminal_that_takes_nothing() -> None:
    """Whoever logs waits for nobody; of too many lines the newest are kept, and it is said."""
    display: Display = Noting()
    free = threading.Event()
    with Stdout() as stdout, ThreadPoolExecutor(max_workers=1) as thread:
        said = _Said(_Screen(Asking(stdout=stdout), display), thread)
        thread.submit(free.wait)
        for number in range(_MOST_SAID + 5):
            said.take(str(number))
        free.set()
    assert isinstance(display, Noting)
    assert display.notes[0] == "massgraph: 5 lines are left out here"
    assert display.notes[1:] == [str(number) for number in range(5, _MOST_SAID + 5)]
