"""A mailbox between a run and its reader: a slow reader stalls nobody and loses nothing.

While nobody reads, pieces of text that belong together become one event, so what waits is bounded
by what the run itself holds.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from ..nodes.events import AgentStamp, Delta, Event


@dataclass(slots=True)
class _Waiting:
    """An event that waits to be read, with the pieces of text that were merged into it."""

    event: Event
    pieces: list[str] = field(default_factory=list)

    def merged(self) -> Event:
        event = self.event
        if len(self.pieces) > 1 and isinstance(event, Delta):
            return dataclasses.replace(event, delta="".join(self.pieces))
        return event


class Mailbox:
    """Takes events in at once, and gives them out in order, numbered, to one reader."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._last: dict[str, _Waiting] = {}
        self._news = asyncio.Event()
        self._closed = False
        self._seq = 0

    def put(self, event: Event) -> None:
        """Take an event in; called on the event loop of the run."""
        if isinstance(event, AgentStamp):
            last = self._last.get(event.agent)
            if last is not None and isinstance(event, Delta) and _continues(event, last.event):
                last.pieces.append(event.delta)
                return
            waiting = _Waiting(event, [event.delta] if isinstance(event, Delta) else [])
            self._last[event.agent] = waiting
        else:
            waiting = _Waiting(event)
        self._waiting.append(waiting)
        self._news.set()

    def close(self) -> None:
        """Say that nothing more comes."""
        self._closed = True
        self._news.set()

    def __len__(self) -> int:
        return len(self._waiting)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Give the events out; numbers are given here, where nothing is merged any more."""
        while True:
            while self._waiting:
                waiting = self._waiting.popleft()
                event = waiting.merged()
                if isinstance(event, AgentStamp) and self._last.get(event.agent) is waiting:
                    del self._last[event.agent]
                self._seq += 1
                yield dataclasses.replace(event, seq=self._seq)
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()


def _continues(event: Delta, last: Event) -> bool:
    return (
        isinstance(last, Delta)
        and type(event) is type(last)
        and event.attempt == last.attempt
        and event.round == last.round
    )
