"""Playback: those who play from one cassette keep the order in which they were recorded.

Which of two replies came first decides who is stopped, and so the rest of the run; without their
times, or when the machine is busy, the order would be chance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from weakref import WeakValueDictionary

PATIENCE_S = 5.0
"""Seconds without any reply's end after which seats that are late are not waited for any more: the
run is another one than was recorded."""

SETTLE_S = 0.02
"""Seconds between the ends of two replies, for what follows from the first: a new answer stops
others only once it is checkpointed."""


class Playback:
    """Who of a cassette's seats plays, and what is still to come."""

    def __init__(self) -> None:
        self.seats: set[str] = set()
        self._due: dict[int, str] = {}
        self._waiting: set[asyncio.Event] = set()

    def join(self, seat: str, places: Iterable[int]) -> None:
        """Take in a seat, and the places of its replies."""
        self.seats.add(seat)
        self._due.update(dict.fromkeys(places, seat))

    async def reached(self, place: int) -> None:
        """Wait until all replies before this place have been played, or will not be."""
        late = self._before(place)
        if not late:
            return
        while late:
            if not await self._moved():
                self._due = {due: seat for due, seat in self._due.items() if seat not in late}
            late = self._before(place)
        await asyncio.sleep(SETTLE_S)

    def passed(self, place: int) -> None:
        """Note that a reply was played, or was stopped."""
        self._due.pop(place, None)
        for event in self._waiting:
            event.set()

    def _before(self, place: int) -> set[str]:
        """Return the seats that have something to play before this place."""
        return {seat for due, seat in self._due.items() if due < place}

    async def _moved(self) -> bool:
        """Wait for the next reply that has been played; False when none comes."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await event.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(event)
        return True


_playing: WeakValueDictionary[tuple[Path, str | None], Playback] = WeakValueDictionary()


def playback_of(path: Path, thread: str | None, seat: str) -> Playback:
    """Return the playback that a seat joins: a new one, where it sits in the last one already."""
    key = (path.resolve(), thread)
    found = _playing.get(key)
    if found is None or seat in found.seats:
        found = _playing[key] = Playback()
    return found
