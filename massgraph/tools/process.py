"""One run of Python code in a process of its own, with limits, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT

from ..backends.off_loop import off_loop
from ..nodes.cut import cut_middle, note

CHILD = Path(__file__).with_name("child.py")

MEGABYTE = 1024 * 1024
LAST_WORDS_S = 1.0
"""How long a dead process's output may take to end: one that left the group may hold it open."""
KEPT_VARIABLES = ("SYSTEMROOT",) if sys.platform == "win32" else ()
"""Without it no socket module can be imported on Windows; it names a folder."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use.

    Args:
        timeout_s: Seconds, by the clock; as many seconds of processor time, rounded up.
        memory_mb: Megabytes of address space.
        max_chars: Characters of output that are kept.
        file_mb: Megabytes of the largest file.
        processes: Threads and processes, where the system counts those of this run alone.
    """

    timeout_s: float = 10.0
    memory_mb: int = 1024
    max_chars: int = 20_000
    file_mb: int = 50
    processes: int = 64

    def to_json(self) -> str:
        """Return those that the process sets for itself."""
        return json.dumps(
            {
                "cpu_s": math.ceil(self.timeout_s) + 1,  # one thread runs out of time before
                "memory_bytes": self.memory_mb * MEGABYTE,
                "file_bytes": self.file_mb * MEGABYTE,
                "processes": self.processes,
            }
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run.

    Args:
        output: What it printed, its errors included, cut in the middle.
        status: Its exit status; negative: the signal that ended it; None: it ran out of time.
    """

    output: str
    status: int | None


async def run_python(code: str, limits: Limits) -> Ran:
    """Run code; whoever is cancelled meanwhile leaves no process and no file.

    Args:
        code: Python source.
        limits: What it may use.
    """
    folder = await off_loop(lambda: _folder_with(code))
    watch = _Watch(limits.max_chars)
    try:
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: watch,
            *(sys.executable, "-I", "-u", "-B", str(CHILD), "main.py", limits.to_json()),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=folder,
            env=_environment(folder),
            start_new_session=sys.platform != "win32",
        )
        try:
            return await watch.ran(transport, limits.timeout_s)
        finally:
            _kill(transport)
            transport.close()
            await watch.exited.wait()
    finally:
        await off_loop(lambda: shutil.rmtree(folder, ignore_errors=True))


class _Watch(asyncio.SubprocessProtocol):
    """Takes a process's output, and hears of its end.

    (`Process.wait` of asyncio also waits for what has inherited the output.)

    Args:
        most: Characters of output that are kept.
    """

    def __init__(self, most: int) -> None:
        self.exited = asyncio.Event()
        self._closed = asyncio.Event()
        self._output = _Output(most)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take output."""
        self._output.add(data)

    def process_exited(self) -> None:
        """Hear of the end of the process."""
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear of the end of the process and its output."""
        self._closed.set()

    async def ran(self, transport: asyncio.SubprocessTransport, timeout_s: float) -> Ran:
        """Wait for the end, or make it, and return what there was."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.exited.wait()
        except TimeoutError:
            in_time = False
        else:
            in_time = True
        _kill(transport)  # also what a process that has ended has left running
        await self.exited.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._closed.wait()
        return Ran(self._output.text(), transport.get_returncode() if in_time else None)


def _kill(transport: asyncio.SubprocessTransport) -> None:
    """Kill a process with all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            transport.kill()
        else:
            os.killpg(transport.get_pid(), signal.SIGKILL)


def _folder_with(code: str) -> str:
    folder = tempfile.mkdtemp(prefix="massgraph-python-")
    (Path(folder) / "main.py").write_text(code, encoding="utf-8", errors="replace")
    return folder


def _environment(folder: str) -> dict[str, str]:
    """Return the whole environment of the process: nothing of ours, above all no key."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder)
    # One thread a library: each would take its share of the address space.
    return {**kept, **homes, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class _Output:
    """Keeps the beginning and the end of a stream, however long it is."""

    def __init__(self, most: int) -> None:
        # A character has four bytes at most; what is kept too much is cut in `text`.
        self._most, self._head, self._tail = most, bytearray(), bytearray()
        self._passed_over = 0

    def add(self, data: bytes) -> None:
        """Take more of the stream."""
        room = max(0, 4 * self._most - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        over = len(self._tail) - 4 * self._most
        if over > 0:
            del self._tail[:over]
            self._passed_over += over

    def text(self) -> str:
        """Return what is kept, with a note where something is left out."""
        if not self._passed_over:
            text = (self._head + self._tail).decode(errors="replace")
            return cut_middle(text, self._most)
        head, tail = (part.decode(errors="replace") for part in (self._head, self._tail))
        half = self._most // 2
        left = self._passed_over + len(head) + len(tail) - 2 * half
        return f"{head[:half]}{note(left)}{tail[-half:] if half else ''}"
