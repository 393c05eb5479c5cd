"""Holding: a record that is being written is locked, so that nobody takes it for an old one.

The kernel ends a lock with its process, however that dies. Where files can't be locked without
keeping readers out, none are.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from .text_file import READING

if sys.platform == "win32":

    def _lock(opened: int) -> None:
        pass

else:
    import fcntl

    def _lock(opened: int) -> None:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold(opened: int) -> None:
    """Hold an open record until it is closed; one that somebody else holds is written all the same.

    Args:
        opened: Its descriptor.
    """
    with suppress(OSError):
        _lock(opened)


def is_held(path: Path) -> bool:
    """Return whether a record is being written, by this process or another one.

    Args:
        path: The file; one that is not there is not, and neither is a link.
    """
    try:
        opened = os.open(path, READING)
    except OSError:
        return False
    try:
        _lock(opened)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(opened)
    return False
