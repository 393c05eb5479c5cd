"""The terminal itself: its second screen, its size, and how it takes keys."""

from __future__ import annotations

import contextlib
import os
from importlib.util import find_spec
from typing import Any, TextIO

from ..manners import is_terminal

HAS_SCREENS = find_spec("termios") is not None
"""Whether there are terminals of the kind that is known here: Windows has others."""

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J\x1b[H"
"""Take the second screen, hide the cursor, and let no row run over into the next one."""

LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Undo that."""


def is_screen(stream: TextIO) -> bool:
    """Return whether a stream is a terminal whose whole screen may be taken.

    It must be able to show frames, and not be somebody else's: a job in the background writes
    lines.
    """
    if not HAS_SCREENS:
        return False
    try:
        os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return False
    return "utf" in (stream.encoding or "").lower() and in_foreground(stream.fileno())


def in_foreground(descriptor: int) -> bool:
    """Return whether the terminal is ours now."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # no controlling terminal of ours: nobody else wants it, either


def key_stream(*streams: TextIO | None) -> TextIO | None:
    """Return the first stream on which a person can type, or None."""
    for stream in streams:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if is_terminal(stream) and _readable(stream.fileno()):
                return stream
    return None


def _readable(descriptor: int) -> bool:
    import fcntl

    mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    return mode in (os.O_RDONLY, os.O_RDWR)


def _keys_alone(keys: TextIO) -> list[Any] | None:
    """Have keys come one by one, unseen, and return the mode as it was."""
    import termios

    with contextlib.suppress(termios.error, OSError, ValueError):
        before, mode = (termios.tcgetattr(keys.fileno()) for _ in range(2))
        mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(keys.fileno(), termios.TCSANOW, mode)
        return before
    return None


def _restore(keys: TextIO, mode: list[Any]) -> None:
    import termios

    with contextlib.suppress(termios.error, OSError, ValueError):
        termios.tcflush(keys.fileno(), termios.TCIFLUSH)
        termios.tcsetattr(keys.fileno(), termios.TCSANOW, mode)


class Tty:
    """A terminal that is taken, and given back as it was.

    Args:
        out: Where it is written to.
        keys: Where a person types; None where nobody can.
    """

    def __init__(self, out: TextIO, keys: TextIO | None) -> None:
        self.out = out
        self.keys = keys
        self.taken = False
        self._mode: list[Any] | None = None

    def size(self) -> tuple[int, int]:
        """Return its columns and rows as they are now."""
        with contextlib.suppress(OSError, ValueError):
            columns, rows = os.get_terminal_size(self.out.fileno())
            if columns > 0 and rows > 0:
                return columns, rows
        return 80, 24

    @property
    def ours(self) -> bool:
        """Whether this process may write to its screen now."""
        return in_foreground(self.out.fileno())

    def enter(self) -> None:
        """Take the screen; keys come one by one from now on, and Ctrl-C stays a signal."""
        if self.keys is not None:
            self._mode = _keys_alone(self.keys)
        self.taken = True
        self.write(ENTER)

    def leave(self) -> None:
        """Give the screen back; keys that nobody has read are dropped."""
        if not self.taken:
            return
        self.taken = False
        if self.keys is not None and self._mode is not None:
            _restore(self.keys, self._mode)
        self._mode = None
        self.write(LEAVE)

    def write(self, text: str) -> None:
        """Write at once."""
        self.out.write(text)
        self.out.flush()
