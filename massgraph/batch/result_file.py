"""The file of results: one line a question, on the disk before anybody counts on it.

The file is locked while it is open, by what the kernel ends with the process. A line is written
whole or taken back; what a kill or a power cut leaves of one is cut off when the file is opened.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from ..backends.errors import MassgraphError, UserError
from ..store.locks import is_at, lock_file
from .result_line import ForeignLineError, ResultLine, is_half

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class ResultFile:
    """A regular file that results are appended to.

    Args:
        path: The file, links followed.
        opened: Its descriptor, locked.
    """

    def __init__(self, path: Path, opened: int) -> None:
        self.path, self._opened = path, opened
        self._size = os.fstat(opened).st_size

    @classmethod
    def open(cls, name: str) -> Self:
        """Return the file, made if it is not there, and locked.

        Raises:
            UserError: When it can't be opened, or another process writes to it.
        """
        try:
            path = Path(name).resolve()
            while True:
                opened = os.open(path, _FLAGS, 0o666)
                try:
                    lock_file(opened)
                    if is_at(opened, path):
                        return cls(path, opened)
                except BaseException:
                    os.close(opened)
                    raise
                os.close(opened)  # another process has just put a new one in its place
        except BlockingIOError:
            raise UserError(f"-o {name}: another batch is writing to it.") from None
        except (OSError, ValueError, RuntimeError) as exc:
            raise _unwritable(name, exc) from None

    def lines(self) -> Iterator[ResultLine]:
        """Give out the results that are in the file.

        Raises:
            UserError: When a line is no result of a batch; the file is left as it is.
        """
        with self._reading() as file:
            for number, data in enumerate(file, 1):
                if not data.strip():
                    continue
                try:
                    yield ResultLine.parse(data)
                except ForeignLineError:
                    if not data.endswith(b"\n") and is_half(data):
                        return
                    raise UserError(
                        f"{self.path}: line {number} is no result of a batch.",
                        hint="Name another file with -o; this one is left as it is.",
                    ) from None

    def repair(self) -> bool:
        """Cut off half a line at the end, and return whether there was one.

        Raises:
            MassgraphError: When the file can't be written.
        """
        data = self._last()
        if not data:
            return False
        try:
            ResultLine.parse(data)
        except ForeignLineError:
            self._write(lambda: self._cut(self._size - len(data)))
            return True
        self.append(b"\n")  # all of it is there but its end
        return False

    def keep(self, wanted: Callable[[ResultLine], bool]) -> None:
        """Leave only those lines in the file that are wanted, in one step.

        Raises:
            MassgraphError: When the file can't be written; it is as it was then.
        """
        beside = self.path.with_name(f".massgraph-{secrets.token_hex(6)}.tmp")
        try:
            new = os.open(beside, _FLAGS | os.O_EXCL, 0o666)
            try:
                lock_file(new)
                with os.fdopen(os.dup(new), "wb") as file:
                    file.writelines(line.to_bytes() for line in self.lines() if wanted(line))
                os.fsync(new)
                beside.chmod(stat.S_IMODE(os.fstat(self._opened).st_mode))
                beside.replace(self.path)
            except BaseException:
                os.close(new)
                beside.unlink(missing_ok=True)
                raise
        except OSError as exc:
            raise self._failed(exc) from exc
        os.close(self._opened)
        self._opened, self._size = new, os.fstat(new).st_size
        self._sync_folder()

    def append(self, data: bytes) -> None:
        """Write whole lines, and wait until they are on the disk.

        Raises:
            MassgraphError: When they can't be written; nothing of them is in the file then. Also
                when somebody else has changed the file, or put another one in its place.
        """
        self._write(lambda: self._append(data))

    def begin(self) -> None:
        """See to it that a new file is found again after a power cut."""
        if not self._size:
            self._sync_folder()

    def close(self) -> None:
        """Close it, and end the lock."""
        os.close(self._opened)

    def _append(self, data: bytes) -> None:
        self._check()
        os.lseek(self._opened, self._size, os.SEEK_SET)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._opened, rest) :]
            os.fsync(self._opened)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._opened, self._size)
            raise
        self._size += len(data)

    def _check(self) -> None:
        """Check that the file is what it was: a result in a file that is gone is paid twice."""
        if not is_at(self._opened, self.path):
            raise MassgraphError(f"{self.path} was removed or replaced while it was written to.")
        if os.fstat(self._opened).st_size != self._size:
            raise MassgraphError(f"{self.path} was changed by another program meanwhile.")

    def _cut(self, size: int) -> None:
        os.ftruncate(self._opened, size)
        os.fsync(self._opened)
        self._size = size

    def _write(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as exc:
            raise self._failed(exc) from exc

    def _failed(self, exc: OSError) -> MassgraphError:
        return MassgraphError(f"{self.path} can't be written: {exc.strerror or exc}.")

    def _last(self) -> bytes:
        """Return what stands behind the last end of a line."""
        last = b""
        with self._reading() as file:
            for data in file:
                last = data
        return b"" if last.endswith(b"\n") else last

    def _reading(self) -> BinaryIO:
        """Return the file from its beginning, to read."""
        file = os.fdopen(os.dup(self._opened), "rb")
        file.seek(0)
        return file

    def _sync_folder(self) -> None:
        if os.name == "posix":
            folder = os.open(self.path.parent, os.O_RDONLY)
            with suppress(OSError):
                os.fsync(folder)
            os.close(folder)


def _unwritable(name: str, exc: Exception) -> UserError:
    reason = getattr(exc, "strerror", None) or "not a file name"
    return UserError(f"-o {name}: it cannot be written ({reason}).", hint="Name another file.")
