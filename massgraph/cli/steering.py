"""Steer a run by keys, while a screen shows it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..display.live.live_display import LiveDisplay
    from ..display.live.place import Deed

InThread = Callable[..., Coroutine[Any, Any, Any]]
"""Calls a function in the thread of the display."""


@runtime_checkable
class Steerable(Protocol):
    """A run whose agents can be cancelled and asked afresh."""

    def cancel_agent(self, agent: str) -> None:
        """Stop one agent."""

    def retry_agent(self, agent: str) -> None:
        """Ask one agent afresh."""


@runtime_checkable
class Playable(Protocol):
    """A record that is played back."""

    paused: bool
    rate: float

    def pause(self) -> None:
        """Stand still, or go on."""

    def faster(self, by: float = 2.0) -> None:
        """Play faster, or slower."""


@contextlib.contextmanager
def steering(run: object, display: LiveDisplay, in_thread: InThread) -> Generator[None]:
    """Have keys steer a run for as long as the context is open.

    What the program prints meanwhile is shown as notes: it would spoil the screen.

    Args:
        run: The run, or a record that is played back.
        display: Shows it.
        in_thread: Calls a function in the display's thread.
    """
    typed: asyncio.Queue[str] = asyncio.Queue()
    steered = asyncio.create_task(_steer(run, display, in_thread, typed))
    steered.add_done_callback(partial(_tell_end, display))
    with (
        contextlib.ExitStack() as stack,
        display.reading_keys(typed.put_nowait),
        _suspending(display, in_thread),
    ):
        stack.callback(steered.cancel)
        stack.enter_context(_aside(display.note))
        yield


def _tell_end(display: LiveDisplay, steered: asyncio.Task[None]) -> None:
    """Say why keys steer no more, if that is a fault."""
    if not steered.cancelled() and (exc := steered.exception()) is not None:
        display.note(f"keys do nothing any more: {type(exc).__name__}: {exc}")


async def _steer(
    run: object, display: LiveDisplay, in_thread: InThread, typed: asyncio.Queue[str]
) -> None:
    while True:
        deed = await in_thread(display.press, await typed.get())
        if deed is not None:
            said = _do(deed, run)
            if isinstance(run, Playable):
                await in_thread(display.pause, run.paused)
            if said:
                await in_thread(display.hint, said)


def _do(deed: Deed, run: object) -> str:
    """Do what a key asks, and return what is to be said of it."""
    match deed.kind:
        case "quit":
            signal.raise_signal(signal.SIGINT)
            return "the run is cancelled; q or Ctrl-C once more quits at once"
        case "cancel_agent" | "retry_agent":
            return _to_agent(deed, run)
        case "pause" | "faster" | "slower":
            return _to_record(deed, run)
        case "redraw":
            return ""


def _to_agent(deed: Deed, run: object) -> str:
    if not isinstance(run, Steerable):
        return "this is a record: nobody is at work whom that could reach"
    if deed.kind == "cancel_agent":
        run.cancel_agent(deed.agent)
        return f"{deed.agent} is cancelled"
    run.retry_agent(deed.agent)
    return f"{deed.agent} is asked afresh"


def _to_record(deed: Deed, run: object) -> str:
    if not isinstance(run, Playable):
        return "only a record can be paused, or played faster and slower"
    if deed.kind == "pause":
        run.pause()
        return ""
    run.faster(2.0 if deed.kind == "faster" else 0.5)
    return f"speed {run.rate:g}"


@contextlib.contextmanager
def _suspending(display: LiveDisplay, in_thread: InThread) -> Generator[None]:
    """Give the screen back while the process is stopped by Ctrl-Z."""
    loop = asyncio.get_running_loop()
    stops: set[asyncio.Task[None]] = set()

    async def stop() -> None:
        await in_thread(display.sleep)
        os.kill(os.getpid(), signal.SIGSTOP)

    def came() -> None:
        task = loop.create_task(stop())
        stops.add(task)
        task.add_done_callback(stops.discard)

    try:
        loop.add_signal_handler(signal.SIGTSTP, came)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        yield  # not on this system, or not in the main thread
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)


_LONGEST = 10_000
"""Characters of what is printed without a newline, such as a bar of progress, that are kept."""


class _Aside(io.TextIOBase):
    """Takes what is printed, and hands it on line by line."""

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__()
        self._take = take
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.strip():
                self._take(line)
        if len(self._begun) > _LONGEST:
            self.end()
        return len(text)

    def end(self) -> None:
        """Hand on what has not ended with a newline."""
        if self._begun.strip():
            self._take(self._begun)
        self._begun = ""


@contextlib.contextmanager
def _aside(take: Callable[[str], None]) -> Generator[None]:
    """Hand what is printed to stderr to `take`, and to stdout, too, where that is stderr now."""
    aside = _Aside(take)
    with contextlib.ExitStack() as stack:
        if sys.stdout is sys.stderr:
            stack.enter_context(contextlib.redirect_stdout(aside))
        stack.enter_context(contextlib.redirect_stderr(aside))
        try:
            yield
        finally:
            aside.end()
