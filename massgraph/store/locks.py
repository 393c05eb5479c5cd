"""One run at a time on a thread, in all processes: a locked file for each run that goes on.

The kernel ends a lock with its process, however that dies.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from ..backends.errors import StoreError
from .complaints import busy
from .paths import no_link, plain_name, private_folder
from .reasons import refused

TRIES = 5
PAUSE_S = 0.01
"""Somebody who only looks whether a thread is held keeps its file for a moment."""

WRITABLE = (
    "Keep threads where you may write (--db, or XDG_STATE_HOME), or nothing: --db memory: --no-logs"
)
"""What to do where no file can be made."""

if sys.platform == "win32":
    import msvcrt

    def lock_file(opened: int) -> None:
        """Lock an open file for its process, or raise BlockingIOError or PermissionError."""
        msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def lock_file(opened: int) -> None:
        """Lock an open file for its process, or raise BlockingIOError."""
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


_SAME_FILE = sys.platform == "win32"
"""An open file cannot be removed there, so the file at a lock\'s path stays the same."""


class FileLocks:
    """Locks of threads, as files in a folder; a file goes with its lock.

    Its few system calls on a local disk take microseconds, and are made on the event loop.

    Args:
        folder: Where; made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold a thread while the block runs.

        Raises:
            UserError: When a run is going on on the thread already.
            StoreError: When the file cannot be made or locked.
        """
        path = self._path(plain_name(thread_id))
        opened = self._take(path)
        for _ in range(TRIES):
            if opened is not None:
                break
            await asyncio.sleep(PAUSE_S)
            opened = self._take(path)
        if opened is None:
            raise busy(thread_id)
        try:
            yield
        finally:
            _release(path, opened)

    def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread, in this process or another one."""
        path = no_link(self._folder) / plain_name(thread_id)
        if not path.exists():
            return False
        opened = self._take(path)
        if opened is None:
            return True
        _release(path, opened)
        return False

    @contextmanager
    def opening(self) -> Generator[None]:
        """Hold the database while it is opened; blocks, so it is for a thread."""
        path = self._path(".opening")
        opened = self._take(path)
        while opened is None:
            time.sleep(PAUSE_S)
            opened = self._take(path)
        try:
            yield
        finally:
            _release(path, opened)

    def _path(self, name: str) -> Path:
        """Return a lock's file, in a folder that is there and leads nowhere else."""
        folder = no_link(self._folder)
        try:
            return private_folder(folder) / name
        except StoreError as exc:
            raise StoreError(f"{exc} {WRITABLE}") from exc

    def _take(self, path: Path) -> int | None:
        """Return the locked file, or None when somebody else has it."""
        try:
            while True:
                opened = _open(path)
                if not _locked(opened):
                    return None
                if _SAME_FILE or is_at(opened, path):
                    return opened
                os.close(opened)  # it was removed between the two steps: its lock is nobody's
        except OSError as exc:
            raise StoreError(
                f"The lock {path} can't be taken ({refused(exc, path)}). {WRITABLE}"
            ) from exc


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags, 0o600)


def _locked(opened: int) -> bool:
    """Lock a file, or close it and return False."""
    try:
        lock_file(opened)
    except (BlockingIOError, PermissionError):
        os.close(opened)
        return False
    except BaseException:
        os.close(opened)
        raise
    return True


def is_at(opened: int, path: Path) -> bool:
    """Return whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(opened), path.lstat())
    except FileNotFoundError:
        return False


def _release(path: Path, opened: int) -> None:
    with suppress(OSError):  # Windows removes no open file: it stays, and is empty
        path.unlink()
    os.close(opened)
