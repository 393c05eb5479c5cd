"""Ctrl-C and SIGTERM: the first one cancels the run in good order, the second one quits at once.

A terminal that is closed (SIGHUP) cancels it, too, and never quits at once: it is told twice, by
the system and by the shell.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn, Protocol, Self

from .ending import Status, TerminatedError, error, say
from .verbosity import stderr_log

_HANGUP: int | None = getattr(signal, "SIGHUP", None)
"""What comes when the terminal is closed; not known on Windows."""

_STATUS: dict[int, Status] = {
    signal.SIGINT: Status.INTERRUPTED,
    signal.SIGTERM: Status.TERMINATED,
    **({} if _HANGUP is None else {_HANGUP: Status.TERMINATED}),
}

WORDS = {Status.INTERRUPTED: "interrupted", Status.TERMINATED: "terminated"}
"""What a signal has done to a run."""

LAST_WORDS_S = 1.0
"""How long who quits at once waits for a terminal that takes nothing."""


class Cancellable(Protocol):
    """A run, or whatever else a signal may stop."""

    def cancel(self) -> None:
        """Stop in good order."""


class Signals:
    """Handles signals while the context is open; outside the main thread it handles none.

    As long as there is no run to cancel, a signal is an exception as usual. The handlers are plain
    ones, not the event loop's: they also work while the loop is busy.
    """

    def __init__(self) -> None:
        self.status: Status | None = None
        """The exit status that the first signal asks for."""
        self.before_quitting: Callable[[], None] = lambda: None
        self._cancel: Callable[[], object] | None = None
        self._then: str | None = None
        self._before: dict[int, Any] = {}
        self._stderr = sys.stderr
        self._unraisable = sys.unraisablehook

    def check(self) -> None:
        """Raise once more what a signal has raised, if that was lost on its way.

        Python drops what is raised inside a destructor or the callback of a weak reference.

        Raises:
            KeyboardInterrupt: When a signal came.
        """
        if self.status is not None:
            raise _exception(self.status)

    def cancel_run(self, run: Cancellable, *, then: str | None = None) -> None:
        """Have the first signal cancel this run, also when it came already and was lost.

        Args:
            run: The run.
            then: How to go on with it, for whoever does not wait for its end; None where there is
                nothing to wait for.
        """
        loop = asyncio.get_running_loop()

        def stop() -> None:
            run.cancel()
            if then is not None and self.status is Status.INTERRUPTED:
                _tell("massgraph: stopping the run ...; Ctrl-C again quits at once")

        self._cancel, self._then = lambda: loop.call_soon_threadsafe(stop), then
        if self.status is not None:
            stop()

    def __enter__(self) -> Self:
        with contextlib.suppress(ValueError):
            for number in _STATUS:
                if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                    self._before[number] = signal.signal(number, self._came)
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._lost
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = self._unraisable
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def leave(self, status: Status) -> None:
        """Exit now if a signal came: the thread of a tool that does not stop is not waited for."""
        if self.status is not None:
            self._quit(status)

    def _quit_at_once(self, status: Status) -> NoReturn:
        """Leave the terminal in order and say how to go on, and exit, even if it takes nothing."""
        said = _thread.allocate_lock()  # a Thread's own locks may be held where the signal came
        said.acquire()
        _thread.start_new_thread(self._say_last_words, (status, said))
        said.acquire(timeout=LAST_WORDS_S)
        os._exit(status)

    def _say_last_words(self, status: Status, said: _thread.LockType) -> None:
        with contextlib.suppress(Exception):
            self.before_quitting()
        # (Where a screen is shown, it takes what is written to stderr.)
        with contextlib.suppress(Exception), contextlib.redirect_stderr(self._stderr):
            if self._then is not None:
                error(f"{WORDS[status]}: the run was left at once; {self._then}")
            _flush()
        said.release()

    def _quit(self, status: Status) -> NoReturn:
        _flush()
        os._exit(status)

    def _lost(self, unraisable: Any) -> None:
        """Tell of an exception that Python drops, unless it is our own: the signal is kept."""
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._unraisable(unraisable)

    def _came(self, number: int, frame: Any) -> None:
        if self.status is not None:
            if number != _HANGUP:
                self._quit_at_once(self.status)
            return
        self.status = _STATUS[number]
        if self._cancel is None:
            raise _exception(self.status)
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            self._cancel()


def _exception(status: Status) -> KeyboardInterrupt:
    return KeyboardInterrupt() if status is Status.INTERRUPTED else TerminatedError()


def _flush() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]


def _tell(text: str) -> None:
    """Say a line where the log's lines go: through the display, while there is one."""
    log = stderr_log()
    (say if log is None else log.write)(text)
