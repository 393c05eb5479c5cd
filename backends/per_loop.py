"""One object for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Keeps one object for each running event loop: a client must not be shared between loops.

    What belongs to a loop that was closed without `pop` is forgotten as soon as another loop asks.
    """

    def __init__(self) -> None:
        self._objects: dict[asyncio.AbstractEventLoop, T] = {}

    def __len__(self) -> int:
        return len(self._objects)

    async def get(self, make: Callable[[], T]) -> T:
        """Return the running loop's object; the first time, `make` it in a thread."""
        loop = asyncio.get_running_loop()
        if loop in self._objects:
            return self._objects[loop]
        made = await asyncio.to_thread(make)
        for other in [other for other in self._objects if other.is_closed()]:
            del self._objects[other]
        # Of several that were made at once, the first one is kept: none has been used yet.
        return self._objects.setdefault(loop, made)

    def pop(self) -> T | None:
        """Forget the running loop's object, and return it."""
        return self._objects.pop(asyncio.get_running_loop(), None)
