"""The real command line in a process that is forked off this one, which has imported everything."""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from massgraph.cli import main

WATCHDOG_S = 30.0
"""Seconds after which a process hangs."""

KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONHASHSEED", "LANGGRAPH_STRICT_MSGPACK")
"""Variables that a process has from here."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Args:
        words: Its arguments.
        status: Its exit status; less than 0, the signal that killed it.
        seconds: How long it lived.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    words: Sequence[str]
    status: int
    seconds: float
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote to stdout, as JSON; None if it is none."""
        with suppress(ValueError):
            return json.loads(self.out)
        return None

    def __str__(self) -> str:
        said = self.err.strip().splitlines()[-1:] or [""]
        return f"{' '.join(self.words)}: status {self.status}: {said[0]}"


class Child:
    """A process that runs the command line.

    Args:
        words: The arguments.
        folder: Where stdout and stderr are written to; the home folder, and the working folder.
    """

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        assert threading.active_count() == 1, "only a process of one thread may be forked"
        self._words, self._folder = list(words), folder
        self._began = time.monotonic()
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            _play(self._words, folder)
        self.watch = os.pidfd_open(self._pid)
        """A descriptor that can be read once the process has ended."""

    def kill_in(self, seconds: float, number: int = signal.SIGKILL) -> Ended:
        """Send a signal at a moment, unless the process has ended by then; wait for its end."""
        if not self._ends_within(seconds):
            self._send(number)
        return self.wait()

    def wait(self) -> Ended:
        """Wait for the end of the process."""
        hangs = not self._ends_within(WATCHDOG_S)
        self._send(signal.SIGKILL)  # whatever it may have left in its group, too
        seconds = time.monotonic() - self._began
        _, code = os.waitpid(self._pid, 0)
        os.close(self.watch)
        out, err = (_text(self._folder / name) for name in ("out", "err"))
        status = os.waitstatus_to_exitcode(code)
        if hangs:
            err += f"\nit hung for {WATCHDOG_S:g} s"
        return Ended(self._words, status, seconds, out, err)

    def _ends_within(self, seconds: float) -> bool:
        return bool(select.select([self.watch], [], [], seconds)[0])

    def _send(self, number: int) -> None:
        try:
            os.killpg(self._pid, number)
        except ProcessLookupError:  # it has ended, or has no group of its own yet
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)


def called(words: Sequence[str], folder: Path) -> Ended:
    """Run the command line in a process of its own, to its end."""
    return Child(words, folder).wait()


def warm_up(words: Sequence[str], folder: Path) -> None:
    """Import here whatever a command imports, and leave it out of garbage collections."""
    Child([MODULES, *words], folder).wait()
    for name in (folder / MODULES).read_text().split():
        with suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


MODULES = "modules"
"""Before a command's words: the names of all modules that it has needed are left in a file."""


def _play(words: list[str], folder: Path) -> NoReturn:
    """Be the command line, and nothing of the process before."""
    status: Any = 70
    try:
        _settle_in(folder)
        main(words[1:] if words[0] == MODULES else words)
    except SystemExit as exc:
        status = exc.code
    finally:
        if words[0] == MODULES:
            Path(MODULES).write_text("\n".join(sys.modules))
        sys.stdout.flush()
        os._exit(status)


def _settle_in(folder: Path) -> None:
    os.setsid()
    for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, "out", _NEW), (2, "err", _NEW)):
        os.dup2(os.open(folder / name, flags, 0o600), number)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, HOME=str(folder), XDG_STATE_HOME=str(folder / "state"))
    os.chdir(folder)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
