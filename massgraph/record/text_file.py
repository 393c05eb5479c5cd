"""Text files of a run's logs: appended to by their owner alone, and nowhere but in their folder."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from ..store.paths import no_link, private_folder

_SAFE = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place is refused, not waited for
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
READING = os.O_RDONLY | _SAFE
WRITING = os.O_WRONLY | os.O_CREAT | _SAFE


def own_folder(path: Path) -> Path:
    """Return a folder of ours (0700), made if it is not there.

    Raises:
        StoreError: When it cannot be made, or is a link.
    """
    return private_folder(no_link(path))


def append_text(path: Path, text: str) -> None:
    """Write at the end of a file (0600), which is open meanwhile only; no link is followed.

    Args:
        path: The file, in a folder that is there.
        text: The text, without halves of characters.

    Raises:
        OSError: When it cannot be written, or is no regular file.
    """
    opened = os.open(path, WRITING | os.O_APPEND, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(f"{path} is no regular file")
        _write(opened, text.encode())
    finally:
        os.close(opened)


def read_file(path: Path) -> bytes:
    """Return what a file holds; no link is followed.

    Raises:
        OSError: When it cannot be read, or is no regular file.
    """
    opened = os.open(path, READING)
    with os.fdopen(opened, "rb") as file:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read()


def replace_file(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file (0600) in one step: whoever reads it sees the old one, or the whole new one.

    What stood there, a link too, is replaced.

    Args:
        path: The file, in a folder that is there and that nobody else writes to.
        data: What it holds.
        sync: Whether it is to be on the disk then.

    Raises:
        OSError: When it cannot be written; a file that was there is still there.
    """
    beside = path.with_name(f"{path.name}.tmp")
    with suppress(FileNotFoundError):
        beside.unlink()  # a crash has left it
    opened = os.open(beside, WRITING | os.O_EXCL, 0o600)
    try:
        try:
            _write(opened, data)
            if sync:
                os.fsync(opened)
        finally:
            os.close(opened)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _write(opened: int, data: bytes) -> None:
    with memoryview(data) as left:
        done = 0
        while done < len(data):
            done += os.write(opened, left[done:])
