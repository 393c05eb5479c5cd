"""Playing: a record that is played back, as if it were a run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from ..nodes.events import Event

FASTEST, SLOWEST = 64.0, 1 / 64
"""How much faster, and slower, playing can be made while it goes on."""


_EXACT_S = 1e-6
"""Seconds that a clock may be wrong by: less is not waited for."""


class Playing:
    """Gives out events in their time; made on the event loop that plays them.

    Args:
        paced: Each event, with the seconds to wait before it.
    """

    def __init__(self, paced: Iterable[tuple[Event, float]]) -> None:
        self._paced = paced
        self._changed = asyncio.Event()
        self._stopped = False
        self.paused = False
        """Whether it stands still."""
        self.rate = 1.0
        """How many times as fast as `paced` it goes."""
        self._at: tuple[float, float] | None = None

    def cancel(self) -> None:
        """Stop at once."""
        self._stopped = True
        self._changed.set()

    def pause(self) -> None:
        """Stand still, or go on."""
        self._mark()
        self.paused = not self.paused
        self._changed.set()

    def faster(self, by: float = 2.0) -> None:
        """Play faster from now on, or slower with a factor below 1."""
        self._mark()
        self.rate = min(max(self.rate * by, SLOWEST), FASTEST)
        self._changed.set()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before its end."""
        return self._stopped

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Give out the events; whoever is slow is waited for, and then caught up with."""
        due = 0.0
        for event, wait_s in self._paced:
            due += wait_s
            await self._until(due)
            if self.stopped:
                return
            yield event

    async def _until(self, due: float) -> None:
        """Wait until so many seconds of the record have passed, or playing is stopped."""
        while not self.stopped and (self.paused or due > self._position() + _EXACT_S):
            self._changed.clear()
            left_s = None if self.paused else (due - self._position()) / self.rate
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left_s)

    def _position(self) -> float:
        """Return how many seconds of the record have passed."""
        now = asyncio.get_running_loop().time()
        if self._at is None:
            self._at = now, 0.0
        at, position = self._at
        return position if self.paused else position + (now - at) * self.rate

    def _mark(self) -> None:
        """Note the position before the speed changes."""
        position = self._position()
        self._at = asyncio.get_running_loop().time(), position
