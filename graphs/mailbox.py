"""A mailbox between a run and its reader: a slow reader stalls nobody and loses nothing.

While nobody reads, pieces of text that belong together become one event, so what waits is bounded
by the text itself and by the events that are no text.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections import deque
from collections.abc import AsyncGenerator

from ..nodes.events import AgentStamp, AgentStatus, Delta, Event

_MERGED = (Delta, AgentStatus)
"""What is merged while it waits; a union would be made anew at each piece of text."""


class _Waiting:
    """An event that waits to be read, and takes in what belongs to it until it is read."""

    __slots__ = ("_event", "_status", "_text", "waits")

    def __init__(self, event: Event) -> None:
        self.waits = True
        self._event = event
        self._text: io.StringIO | None = None
        self._status: str | None = None

    def merge(self, event: Delta | AgentStatus) -> None:
        """Take in a later event of the same kind: a text goes on, a status takes the place."""
        if isinstance(event, AgentStatus):
            self._status = event.status
            return
        if self._text is None:  # joined as it grows: kept pieces take ten times their text
            self._text = io.StringIO()
            assert isinstance(self._event, Delta)
            self._text.write(self._event.delta)
        self._text.write(event.delta)

    def read(self, seq: int) -> Event:
        """Return the event, whole and numbered; its time and place are those of its beginning."""
        event, text, status = self._event, self._text, self._status
        self.waits, self._text = False, None
        if text is not None and isinstance(event, Delta):
            return dataclasses.replace(event, seq=seq, delta=text.getvalue())
        if status is not None and isinstance(event, AgentStatus):
            return dataclasses.replace(event, seq=seq, status=status)
        return dataclasses.replace(event, seq=seq)


class Mailbox:
    """Takes events in at once, and gives them out in order, numbered, to one reader.

    Of what an agent says while nobody reads there is one event for each kind of text, and one for
    its statuses, of which the last counts. Any other event of the agent, or of the machine, closes
    these: what is said after it waits behind it.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._open: dict[str, dict[tuple[type, int, int], _Waiting]] = {}
        self._news = asyncio.Event()
        self._closed = False
        self._seq = 0

    def put(self, event: Event) -> None:
        """Take an event in; called on the event loop of the run."""
        if isinstance(event, _MERGED):
            known = self._open.get(event.agent)
            if known is None:
                known = self._open[event.agent] = {}
            kind = (type(event), event.attempt, event.round)
            waiting = known.get(kind)
            if waiting is not None and waiting.waits:
                waiting.merge(event)
                return
            waiting = known[kind] = _Waiting(event)
        else:
            waiting = _Waiting(event)
            if isinstance(event, AgentStamp):
                self._open.pop(event.agent, None)
            else:
                self._open.clear()
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
                self._seq += 1
                yield self._waiting.popleft().read(self._seq)
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()
