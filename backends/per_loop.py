"""One object for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from .off_loop import off_loop

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Keeps one object for each running event loop: a client must not be shared between loops.

    However many ask at once, one object is made. What belongs to a loop that was closed without
    `take` is forgotten as soon as another loop asks. Loops may come and go in several threads.
    """

    def __init__(self) -> None:
        self._objects: dict[asyncio.AbstractEventLoop, T] = {}
        self._making: dict[asyncio.AbstractEventLoop, _Making[T]] = {}

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
        loop = asyncio.get_running_loop()
        making = self._making.get(loop)
        if making is None:
            making = self._making[loop] = _Making(asyncio.create_task(self._made(loop, make)))
        return await making.wait()

    async def take(self) -> T | None:
        """Forget the running loop's object, once it is made, and return it."""
        loop = asyncio.get_running_loop()
        making = self._making.get(loop)
        if making is not None:
            await asyncio.wait({making.task})
        return self._objects.pop(loop, None)

    async def _made(self, loop: asyncio.AbstractEventLoop, make: Callable[[], T]) -> T:
        try:
            made = self._objects[loop] = await off_loop(make)
        finally:
            del self._making[loop]
        for other in list(self._objects):
            if other.is_closed():
                self._objects.pop(other, None)
        return made


class _Making(Generic[T]):
    """An object while it is made, and those who wait for it."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self._waiting = 0

    async def wait(self) -> T:
        """Return the object. Who is cancelled as the last one waits for its end: it cannot stop."""
        self._waiting += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self._waiting == 1:
                await asyncio.wait({self.task})
                if not self.task.cancelled():
                    self.task.exception()  # seen: nobody waits for it any more
            raise
        finally:
            self._waiting -= 1
