"""One object for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from .off_loop import off_loop

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Keeps one object for each running event loop: a client must not be shared between loops.

    What belongs to a loop that was closed without `pop` is forgotten as soon as another loop asks.
    Loops may come and go in several threads at once.
    """

    def __init__(self) -> None:
        self._objects: dict[asyncio.AbstractEventLoop, T] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def kept(self) -> T | None:
        """Return the running loop's object, if there is one."""
        return self._objects.get(asyncio.get_running_loop())

    async def get(self, make: Callable[[], T]) -> T:
        """Return the running loop's object; the first time, `make` it in a thread."""
        kept = self.kept()
        if kept is not None:
            return kept
        made = await off_loop(make)
        for other in list(self._objects):
            if other.is_closed():
                self._objects.pop(other, None)
        # Of several that were made at once, the first one is kept: none has been used yet.
        return self._objects.setdefault(asyncio.get_running_loop(), made)

    def pop(self) -> T | None:
        """Forget the running loop's object, and return it."""
        return self._objects.pop(asyncio.get_running_loop(), None)
