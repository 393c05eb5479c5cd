"""A stream that prints above the line that is being typed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .line_editor import LineEditor


class Above:
    """A stream whose complete lines are printed above the line that is being typed.

    Args:
        editor: Prints them.
    """

    encoding = "utf-8"
    closed = False

    def __init__(self, editor: LineEditor) -> None:
        self._editor = editor
        self._lock = threading.Lock()
        self._begun = ""

    def write(self, text: str) -> int:
        """Take a text in; the line that it leaves unfinished waits."""
        with self._lock:
            lines, newline, self._begun = f"{self._begun}{text}".rpartition("\n")
            if newline:
                self._editor.print(f"{lines}\n")
        return len(text)

    def flush(self) -> None:
        """Do nothing: what is complete is printed soon in any case."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True

    def close(self) -> None:
        """Print what is not complete, too."""
        if self._begun:
            self.write("\n")
