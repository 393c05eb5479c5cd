"""EventWriter: appends events to a record, line by line."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..backends.errors import RecordError
from ..nodes.events import Event, event_to_dict
from .chain import START, seal, unseal
from .holding import hold

logger = logging.getLogger("massgraph")

_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_APPEND
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place is refused, not waited for
    | getattr(os, "O_BINARY", 0)
)


class EventWriter:
    """Appends to a file; one that is there already is gone on with. It blocks: use a thread.

    Only its owner may read the file, and a folder that is made for it. A line that a crash has left
    unfinished is cut off.

    Args:
        path: The file.

    Raises:
        RecordError: When it cannot be written, or a line of it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = START
        self._size = 0
        try:
            _make_folder(path.parent)
            self._file = os.open(path, _FLAGS, 0o600)
        except OSError as exc:
            raise self._error(exc) from exc
        try:
            hold(self._file)
            self._go_on()
        except OSError as exc:
            self.close()
            raise self._error(exc) from exc
        except RecordError:
            self.close()
            raise

    def append(self, events: Iterable[Event]) -> None:
        """Write events at the end.

        Raises:
            RecordError: When they cannot be written; what was written of them is cut off again.
        """
        data, before = bytearray(), self._before
        for event in events:
            line, before = seal(event_to_dict(event), before)
            data += line
        try:
            _write(self._file, data)
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise self._error(exc) from exc
        self._before = before
        self._size += len(data)

    def sync(self) -> None:
        """Wait until everything is on the disk.

        Raises:
            RecordError: When it does not get there.
        """
        try:
            os.fsync(self._file)
        except OSError as exc:
            raise self._error(exc) from exc
        _sync_folder(self.path.parent)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def _go_on(self) -> None:
        """Follow the chain to the end of the file."""
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise RecordError(f"The record {self.path} cannot be written: it is no regular file.")
        with os.fdopen(self._file, "rb", closefd=False) as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, self._size)
                    logger.warning("%s: its last line was not finished, and is cut off.", self.path)
                    return
                link = unseal(line, self._before)
                if link is None:
                    raise RecordError(
                        f"The record {self.path} cannot be gone on with: line {number} is damaged."
                    )
                self._before = link.sum
                self._size += len(line)

    def _error(self, exc: OSError) -> RecordError:
        reason = exc.strerror or type(exc).__name__
        return RecordError(f"The record {self.path} cannot be written: {reason}.")


def _write(file: int, data: bytearray) -> None:
    with memoryview(data) as left:
        done = 0
        while done < len(data):
            done += os.write(file, left[done:])


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each for its owner alone."""
    missing = [folder, *folder.parents]
    for one in reversed([one for one in missing if not one.exists()]):
        one.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the disk know of the file's name; not every system can do that."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
