"""Events as they are handed to what shows them: many at once, and not too often."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator

from ..nodes.events import Event

PACE_S = 0.02
"""Seconds between two handfuls at least: a hop to another thread costs as much as many events."""

MOST = 2_000
"""Events in a handful; the run's own mailbox keeps, and merges, what is more."""


class Inbox:
    """Gives out what a run says, a handful at a time.

    Args:
        run: Whatever gives events.
    """

    def __init__(self, run: AsyncIterable[Event]) -> None:
        self._run = run
        self._waiting: list[Event] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        """Give out handfuls until the run ends; a failure of it comes after its last one."""
        loop = asyncio.get_running_loop()
        reading = asyncio.create_task(self._read())
        due = loop.time()
        try:
            while events := await self._handful(due):
                due = loop.time() + PACE_S
                yield events
            await reading
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _handful(self, due: float) -> list[Event]:
        """Return what has come since, once there is something and it is due."""
        await self._news.wait()
        if (wait_s := due - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), wait_s)
        events, self._waiting = self._waiting, []
        self._room.set()
        if not self._ended.is_set():
            self._news.clear()
        return events

    async def _read(self) -> None:
        try:
            async for event in self._run:
                self._waiting.append(event)
                self._news.set()
                if len(self._waiting) >= MOST:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._ended.set()
            self._news.set()
