"""Recorder: writes the events of a run to its record while it runs, and holds nobody up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from ..backends.errors import RecordError, StoreError
from ..graphs.mailbox import Mailbox
from ..nodes.events import Delta, Event
from .event_writer import EventWriter
from .run_logs import RunLogs

logger = logging.getLogger("massgraph")

MERGED_S = 0.25
"""How long a piece of text waits at most for the next one, to be written as one event."""


class Recorder:
    """Records one attempt of a run; made on the run's event loop.

    A record is not the run: when it cannot be written, that is logged once, and the run goes on. A
    record that stopped has no end, and whoever reads it is told so. The same holds for the logs.

    Args:
        path: The file; the next attempt of a run goes on with the file of the one before.
        logs: What is written for people beside it, in the same thread; None writes none.
    """

    def __init__(self, path: Path, *, logs: RunLogs | None = None) -> None:
        self.path = path
        self.failure: Exception | None = None
        """Why the record stopped, if it did."""
        self._logs = logs
        self._chore: Callable[[], None] | None = None
        self._mailbox = Mailbox()
        self._events = self._mailbox.events()
        self._writer: EventWriter | None = None
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="massgraph-record")
        self._task = asyncio.create_task(self._write_on(), name=f"record {path}")
        self._ending: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, path: Path, *, logs: RunLogs | None = None) -> Self:
        """Return a recorder whose file is open, or is known not to be writable.

        Args:
            path: The file.
            logs: What is written for people beside it.
        """
        recorder = cls(path, logs=logs)
        try:
            await asyncio.shield(recorder._in_thread([]))
        except asyncio.CancelledError:
            await recorder.aclose()
            raise
        return recorder

    def put(self, event: Event) -> None:
        """Take the next event; text waits for more of it, anything else is written at once."""
        self._mailbox.put(event)
        if not isinstance(event, Delta):
            self._due.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MERGED_S, self._due.set)

    def beside(self, chore: Callable[[], None]) -> None:
        """Have something done in the recorder's thread once the first events are written.

        Args:
            chore: It may block, and must not raise.
        """
        self._chore = chore

    async def aclose(self) -> None:
        """Write what is left, wait until it is on the disk, and close the file."""
        if self._ending is None:
            self._ending = await self._end()
        cancelled = False
        while not (self._ending.done() and self._task.done()):
            try:
                await asyncio.wait({self._ending, self._task})
            except asyncio.CancelledError:  # whoever waits is cancelled too: that comes after
                cancelled = True
        self._thread.shutdown()
        if cancelled:
            raise asyncio.CancelledError

    async def _write_on(self) -> None:
        """Write events as they are due, until the task is cancelled."""
        while True:
            await self._due.wait()
            self._rest()
            batch: list[Event] = []
            while len(self._mailbox):
                batch.append(await anext(self._events))
            await asyncio.shield(self._in_thread(batch))

    async def _end(self) -> asyncio.Future[None]:
        """Hand everything that is left to the thread; nothing is waited for until that is done."""
        self._task.cancel()
        self._rest()
        self._mailbox.close()
        return self._in_thread([event async for event in self._events], last=True)

    def _in_thread(self, batch: list[Event], *, last: bool = False) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, self._write, batch, last)

    def _rest(self) -> None:
        """Wait for nothing that has been due."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write(self, batch: list[Event], last: bool) -> None:
        """Write events, in the thread; the last time, see them on the disk and close the file."""
        try:
            if self.failure is None:
                self._append(batch, last)
        except Exception as exc:
            self.failure = exc
            _warn("The record stops here, the run goes on", exc)
        if self._writer is not None and (last or self.failure is not None):
            self._writer.close()
        self._log(batch)
        if batch and self._chore is not None:
            chore, self._chore = self._chore, None
            chore()

    def _append(self, batch: list[Event], last: bool) -> None:
        if self._writer is None and (batch or not last):
            self._writer = EventWriter(self.path)
        if self._writer is not None:
            self._writer.append(batch)
            if last:
                self._writer.sync()

    def _log(self, batch: list[Event]) -> None:
        """Write the logs; once they can't be written, they stop, and that is told unless it was."""
        if self._logs is None or not batch:
            return
        try:
            self._logs.write(batch)
        except Exception as exc:
            self._logs = None
            if self.failure is None:
                _warn("The logs of the run stop here, the run goes on", exc)


def _warn(said: str, exc: Exception) -> None:
    known = isinstance(exc, OSError | RecordError | StoreError)
    logger.warning("%s: %s", said, exc, exc_info=None if known else exc)
