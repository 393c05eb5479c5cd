"""What every display can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from ..nodes.events import Event

REFRESH_S = 0.1
"""How long a piece of text waits at most until a terminal shows it."""

DisplayKind = Literal["rich_terminal", "terminal", "simple"]
"""A screen that takes keys; a coloured line an event; plain text."""


class Display(Protocol):
    """Shows a run; called from one thread at a time."""

    def show(self, event: Event) -> None:
        """Take the next event in."""

    def refresh(self) -> None:
        """Show what has changed since; called every `REFRESH_S`."""

    def note(self, text: str) -> None:
        """Show a line of the program's own, such as a warning."""

    def close(self) -> None:
        """Leave the terminal as it was."""
