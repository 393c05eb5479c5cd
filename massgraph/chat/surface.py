"""Surface: where a conversation is shown, and where its answers go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol

from ..backends.errors import MassgraphError
from ..nodes.events import Event

MARK = "> "
"""Stands before what is typed."""


class Watched(Protocol):
    """A run, as far as it is looked at."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Give out its events."""
        ...

    def cancel(self) -> None:
        """Stop it."""


class Surface(Protocol):
    """What a conversation needs of a terminal, or of whatever stands for one."""

    @property
    def useless(self) -> bool:
        """Whether nobody can take another answer."""
        ...

    async def watch(self, run: Watched) -> None:
        """Show a run until it ends."""

    async def deliver(self, result: dict[str, Any]) -> int:
        """Print the answer of a run that is over, and return its exit status."""
        ...

    def refuse(self, exc: MassgraphError) -> int:
        """Say what was wrong with what was asked, and return the exit status for it."""
        ...

    def say(self, text: str) -> None:
        """Say something that is no answer."""

    def ready(self) -> None:
        """Show that the next question can be asked."""

    def clear(self) -> bool:
        """Clear the screen; return whether there is one that can be."""
        ...

    def quit(self) -> None:
        """Leave at once, whatever still goes on."""
