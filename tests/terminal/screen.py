"""A terminal's screen: what the bytes that a program writes leave on it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pyte
from pyte import modes

_ALTERNATE = {47, 1047, 1049}
"""The private modes that change to the other screen and back (xterm's ctlseqs)."""


class Screen(pyte.Screen):
    """A screen with an alternate one, which pyte leaves out, and which answers what it is asked.

    Args:
        columns: How wide it is.
        lines: How high it is.
        answer: Takes what the terminal itself says, such as where the cursor is.
    """

    def __init__(self, columns: int, lines: int, answer: Callable[[str], None]) -> None:
        self._answer = answer
        self._main: tuple[Any, Any] | None = None
        super().__init__(columns, lines)

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return self._main is not None

    def set_mode(self, *which: int, **kwargs: Any) -> None:
        """Take modes, and the change to the alternate screen among them."""
        if kwargs.get("private") and _ALTERNATE & set(which) and self._main is None:
            self._main = copy.deepcopy(self.buffer), copy.deepcopy(self.cursor)
            self.erase_in_display(2)
        super().set_mode(*which, **kwargs)

    def reset_mode(self, *which: int, **kwargs: Any) -> None:
        """Leave modes, and the alternate screen with them."""
        if kwargs.get("private") and _ALTERNATE & set(which) and self._main is not None:
            hidden = self.cursor.hidden
            (self.buffer, self.cursor), self._main = self._main, None
            self.cursor.hidden = hidden
            self.dirty.update(range(self.lines))
        super().reset_mode(*which, **kwargs)

    def write_process_input(self, data: str) -> None:
        """Answer the program."""
        self._answer(data)

    @property
    def rows(self) -> list[str]:
        """What stands on each row, less the blanks at its end."""
        return [row.rstrip() for row in self.display]

    @property
    def cursor_hidden(self) -> bool:
        """Whether no cursor is shown."""
        return bool(self.cursor.hidden) or modes.DECTCEM not in self.mode
