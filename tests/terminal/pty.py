"""The real command line in a real pseudo-terminal, and a person before it.

    with Terminal(["run", "-c", "team.yaml", "Why?"], rows=24, cols=80, cwd=tmp_path) as term:
        term.wait_for("alice")
        term.send_keys("c-c")
        assert term.status == 130

A thread reads all that the program writes, and draws it on a screen. A wait ends with what is
waited for, or with the program; none of them sleeps.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import termios
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import pexpect
import pyte
import pytest
from ptyprocess import PtyProcess

import massgraph

from .screen import Screen

ROOT = Path(massgraph.__file__).parents[1]
TIMEOUT_S = 20.0
_HANDED_ON = ("PATH", "LANG", "SSL_CERT_FILE", "COVERAGE_PROCESS_START", "SYSTEMROOT")
"""The variables of our own environment that a program gets."""

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "s-tab": "\x1b[Z",
    "esc": "\x1b",
    "space": " ",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
}
"""What xterm sends for a key. `c-x` is Ctrl and a letter, `m-x` is Alt and any key."""


class Stream(Enum):
    """What a stream of the program may be, besides the terminal, a file or a descriptor."""

    PIPE = "pipe"
    """A pipe; what comes through stdout is `Terminal.piped`."""
    CLOSED = "closed"
    """Nothing at all."""


Redirect = Path | int | Stream | None
"""A file, a descriptor, a `Stream`; None for the terminal."""


class _Process(pexpect.spawn):
    """A process that keeps the descriptors which its streams are redirected to."""

    def __init__(self, argv: Sequence[str], pass_fds: Sequence[int], **options: Any) -> None:
        self._pass_fds = pass_fds
        super().__init__(argv[0], list(argv[1:]), **options)

    def _spawnpty(self, args: Sequence[str], **kwargs: Any) -> PtyProcess:
        # From Python 3.12 on, a fork beside threads is warned of; the child only execs.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return PtyProcess.spawn(args, pass_fds=self._pass_fds, **kwargs)


class Terminal:
    """The command line in a terminal of its own; what is left of it is killed at the end.

    Args:
        words: The arguments of `massgraph`.
        cwd: Where it runs. Its home is the folder `.home` there: the same for all that run there.
        rows: The height of the terminal.
        cols: Its width.
        env: More variables, or others; None takes one away.
        stdin: What stdin is instead of the terminal; bytes come through a pipe, which then ends.
        stdout: What stdout is instead of the terminal.
        stderr: What stderr is instead of the terminal.
        program: What is run, instead of `massgraph`.
        before: Called in the child before the program begins, e.g. to set a limit.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        rows: int = 24,
        cols: int = 80,
        env: Mapping[str, str | None] | None = None,
        stdin: bytes | Redirect = None,
        stdout: Redirect = None,
        stderr: Redirect = None,
        program: Sequence[str] = (sys.executable, "-m", "massgraph"),
        before: Callable[[], object] | None = None,
    ) -> None:
        self.home = cwd / ".home"
        self.home.mkdir(exist_ok=True)
        self._argv = [*program, *words]
        self._cwd = cwd
        self._size = rows, cols
        self._env = _environment(self.home, env or {})
        self._redirects = stdin, stdout, stderr
        self._before = before
        self._changed = threading.Condition()
        self._bytes = bytearray()
        self._piped = bytearray()
        self._status: int | None = None
        self._screen = Screen(cols, rows, self._answer)
        self._stream = pyte.ByteStream(self._screen)
        self._threads: list[threading.Thread] = []

    @classmethod
    def shell(cls, command: str, **options: Any) -> Self:
        """Return a terminal in which the shell runs a command; `$M` is massgraph there."""
        env = {"M": f"{sys.executable} -m massgraph"} | options.pop("env", {})
        return cls([command], program=("sh", "-c"), env=env, **options)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ours:  # the program alone holds what it reads and writes
            streams = [self._opened(number, ours) for number in range(3)]
            self._process = _Process(
                self._argv,
                [fd for fd in streams if isinstance(fd, int)],
                cwd=self._cwd,
                env=cast(Any, self._env),
                dimensions=self._size,
                timeout=None,
                preexec_fn=partial(_prepare, streams, self._before),
            )
        self._process.delaybeforesend = None
        self._process.delayafterclose = self._process.ptyproc.delayafterclose = 0
        self._thread(self._follow)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        self._process.close(force=True)

    # --- what is seen

    @property
    def screen(self) -> list[str]:
        """The rows of the screen as it is now, less the blanks at their ends."""
        with self._changed:
            return self._screen.rows

    @property
    def text(self) -> str:
        """The screen as it is now, as one text."""
        return "\n".join(self.screen).rstrip()

    @property
    def cells(self) -> list[list[Any]]:
        """The screen as it is now, as pyte's cells: `data`, `fg`, `bg`, `bold`, `reverse`, ..."""
        with self._changed:
            screen = self._screen
            return [
                [screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)
            ]

    @property
    def cursor(self) -> tuple[int, int]:
        """The row and the column of the cursor, from 0."""
        with self._changed:
            return self._screen.cursor.y, self._screen.cursor.x

    @property
    def cursor_hidden(self) -> bool:
        """Whether the cursor is hidden."""
        with self._changed:
            return self._screen.cursor_hidden

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        with self._changed:
            return self._screen.alternate

    @property
    def echo(self) -> bool:
        """Whether the terminal echoes what is typed, and reads it line by line."""
        flags = termios.tcgetattr(self._process.child_fd)[3]
        return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)

    @property
    def output(self) -> bytes:
        """All bytes that came on the terminal."""
        with self._changed:
            return bytes(self._bytes)

    @property
    def piped(self) -> bytes:
        """All bytes that came through stdout, where that is a pipe."""
        with self._changed:
            return bytes(self._piped)

    def wait_for(
        self,
        what: str | re.Pattern[str] | Callable[[list[str]], bool],
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Wait until it stands on the screen; fail if the program ends before, or time is up.

        Args:
            what: A piece of a row, a pattern for the whole text, or a question of the rows.
            timeout_s: How long, at most.
        """
        __tracebackhide__ = True
        seen = _question(what)
        with self._changed:
            self._changed.wait_for(lambda: self._over or seen(self._screen.rows), timeout_s)
            if seen(self._screen.rows):
                return
            why = f"ended with {self._status}" if self._over else f"is silent after {timeout_s} s"
        pytest.fail(f"not on the screen: {what!r}; the program {why}\n{self._pictured()}")

    @property
    def status(self) -> int:
        """The exit status, waited for; a signal that killed the program is less than 0."""
        return self.wait()

    def wait(self, timeout_s: float = TIMEOUT_S) -> int:
        """Wait for the end, and return the exit status; fail if it does not come in time."""
        __tracebackhide__ = True
        with self._changed:
            self._changed.wait_for(lambda: self._over, timeout_s)
            status = self._status
        if status is None:
            pytest.fail(f"it still runs after {timeout_s} s\n{self._pictured()}")
        for thread in self._threads:
            thread.join(TIMEOUT_S)
        return status

    @property
    def running(self) -> bool:
        """Whether the program has not ended yet."""
        with self._changed:
            return not self._over

    # --- what a person does

    def send(self, text: str) -> None:
        """Type a text."""
        self._process.send(text.encode())

    def send_line(self, text: str) -> None:
        """Type a text, and press Enter."""
        self.send(f"{text}\r")

    def send_keys(self, *keys: str) -> None:
        """Press keys, named as in `KEYS`."""
        self.send("".join(map(_key, keys)))

    def resize(self, rows: int, cols: int) -> None:
        """Change the size of the terminal, of which the program is told by SIGWINCH."""
        with self._changed:
            self._screen.resize(rows, cols)
            self._process.setwinsize(rows, cols)

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill the program, and what it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    # --- inside

    @property
    def _over(self) -> bool:
        return self._status is not None

    def _opened(self, number: int, ours: contextlib.ExitStack) -> int | Stream | None:
        """Return the descriptor that a stream becomes; it is closed here when the child has it."""
        what = self._redirects[number]
        match what:
            case bytes():
                reading, writing = os.pipe()
                ours.callback(os.close, reading)
                self._thread(partial(_feed, writing, what))
                return reading
            case Stream.PIPE:
                reading, writing = os.pipe()
                ours.callback(os.close, writing)
                self._thread(partial(self._collect, reading))
                return writing
            case Path():
                flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                opened = os.open(what, flags, 0o666)
                ours.callback(os.close, opened)
                return opened
            case _:
                return what

    def _thread(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _follow(self) -> None:
        """Draw what the program writes, until it writes no more, and wait for its end."""
        for data in self._arriving():
            with self._changed:
                self._bytes += data
                self._stream.feed(data)
                self._changed.notify_all()
        self._process.wait()
        with self._changed:
            killed = self._process.signalstatus
            self._status = self._process.exitstatus if killed is None else -killed
            self._changed.notify_all()

    def _arriving(self) -> Iterator[bytes]:
        with contextlib.suppress(OSError):  # Linux: nobody has the terminal open any more
            while data := os.read(self._process.child_fd, 65536):
                yield data

    def _collect(self, reading: int) -> None:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while data := pipe.read(65536):
                with self._changed:
                    self._piped += data
                    self._changed.notify_all()

    def _answer(self, data: str) -> None:
        with contextlib.suppress(OSError):
            os.write(self._process.child_fd, data.encode())

    def _pictured(self) -> str:
        rows, columns = self.text.splitlines(), self._screen.columns
        edge = f"+{'-' * columns}+"
        return "\n".join([edge, *(f"|{row:<{columns}}|" for row in rows), edge])


def _question(
    what: str | re.Pattern[str] | Callable[[list[str]], bool],
) -> Callable[[list[str]], bool]:
    match what:
        case str():
            return lambda rows: any(what in row for row in rows)
        case re.Pattern():
            return lambda rows: what.search("\n".join(rows)) is not None
        case _:
            return what


def _key(name: str) -> str:
    if name in KEYS or len(name) == 1:
        return KEYS.get(name, name)
    prefix, _, key = name.partition("-")
    match prefix:
        case "c":
            return chr(ord(key.upper()) & 0x1F)
        case "m":
            return f"\x1b{_key(key)}"
        case _:
            raise KeyError(name)


def _environment(home: Path, more: Mapping[str, str | None]) -> dict[str, str]:
    """Return an environment without keys, and with a home of its own."""
    given: dict[str, str | None] = {
        **{name: os.environ.get(name) for name in _HANDED_ON},
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",  # a disk that is full would leave halves of modules
        "TERM": "xterm-256color",
        "MASSGRAPH_FORBID_REAL_REQUESTS": "1",
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


def _prepare(
    streams: Sequence[int | Stream | None], before: Callable[[], object] | None
) -> None:  # pragma: no cover - runs in the child
    for number, stream in enumerate(streams):
        if isinstance(stream, int):
            os.dup2(stream, number)
        elif stream is Stream.CLOSED:
            os.close(number)
    if before is not None:
        before()


def _feed(writing: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=0) as pipe:
        while data:
            data = data[pipe.write(data) :]
