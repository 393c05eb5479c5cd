"""StoredRun: a run whose thread, replies and events are kept, so that it can go on later."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import HumanMessage, messages_from_dict, messages_to_dict

from .backends.errors import StoreError
from .backends.off_loop import off_loop
from .graphs.keeping import Keeper
from .nodes.events import Event
from .nodes.log_line import LogLine
from .nodes.record import ResultDict
from .outcomes import OVER
from .record.records import EVENTS, Records
from .store.base import Storage, Store, ThreadIndex, ThreadRow
from .store.complaints import DamagedError, damaged
from .store.index import MISSING
from .store.stored import is_of_a_run

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

    from .record.recorder import Recorder

logger = logging.getLogger("massgraph.record")


class StoredRun(Keeper):
    """What keeps a run of a thread in a store, and its events in a file.

    Args:
        storage: Where threads are kept.
        thread_id: The run's thread.
        messages: The conversation that is asked; None goes on with the thread's last run.
        config: What made the team, as JSON without keys, to go on without its config.
        records: Where its events are recorded, and logs written; None writes none.
    """

    def __init__(
        self,
        storage: Storage | None,
        thread_id: str,
        *,
        messages: Sequence[AnyMessage] | None,
        config: str | None = None,
        records: Records | None = None,
    ) -> None:
        self._storage, self._thread_id = storage, thread_id
        self._messages, self._config, self._records = messages, config, records
        self._held = AsyncExitStack()
        self._store: Store | None = None
        self._row: ThreadRow | None = None
        self._before: ThreadRow | None = None
        self._recorder: Recorder | None = None

    def unasked(self, checkpoint_id: str | None) -> Sequence[AnyMessage] | None:
        """Return the conversation of a run that goes on, where nothing of it is stored yet."""
        row = self._row
        if row is None or row.before != checkpoint_id:
            return None
        if row.asked is None:
            return [HumanMessage(row.question)]
        return cast("list[AnyMessage]", messages_from_dict(json.loads(row.asked)))

    @property
    def elapsed(self) -> float:
        """How long the run had taken when it was cancelled: the state knows whole rounds only."""
        result = self._row.result if self._row is not None and self._messages is None else None
        return float(result["duration_s"]) if result is not None else 0.0

    async def begin(self) -> int:
        """Hold the thread, and note that the run begins or goes on."""
        if self._storage is not None:
            store = await self._storage.opened()
            await self._held.enter_async_context(store.hold(self._thread_id))
            self._store, self.journal = store, store.journal
            if self._messages is None:
                await self._check(store)
            if store.index is not None:
                self._row = await self._noted(store, store.index)
        attempts = 1 if self._messages is not None else 2
        if self._row is not None:
            attempts = self._row.attempts
        if self._records is not None:
            attempts = await self._record(self._records, attempts)
        return attempts

    def take(self, event: Event) -> None:
        """Record the next event."""
        if self._recorder is not None:
            self._recorder.put(event)

    async def end(self, result: ResultDict | None) -> None:
        """Note how the run has ended, and let go of the thread."""
        recorder, self._recorder = self._recorder, None
        try:
            if self._store is not None:
                await self._store.idle(self._thread_id)
            if recorder is not None:
                await recorder.aclose()
                if recorder.failure is None:
                    logger.info(LogLine("logs written", folder=recorder.path.parent))
            if self._row is not None and self._store is not None:
                await self._noted_end(self._store, result)
        finally:
            await self._held.aclose()

    async def _noted(self, store: Store, index: ThreadIndex) -> ThreadRow:
        if self._messages is None:
            self._before = await index.get(self._thread_id)
            return await index.resume(self._thread_id)
        place: Any = {"configurable": {"thread_id": self._thread_id, "checkpoint_ns": ""}}
        newest = await store.saver.aget_tuple(place)
        lost = newest is not None and is_of_a_run(newest)
        if lost and await index.get(self._thread_id) is None:  # a new one would hide that
            raise damaged(store.url, self._thread_id, MISSING, see="fork")
        return await index.begin(
            self._thread_id,
            self._messages[-1].text,
            self._config,
            asked=json.dumps(messages_to_dict(list(self._messages))),
            before=None if newest is None else newest.checkpoint["id"],
        )

    async def _record(self, records: Records, attempts: int) -> int:
        """Open the record of the run; where no index counts attempts, its record does."""
        from .record.recorder import Recorder
        from .record.run_logs import RunLogs

        path, recorded = await off_loop(partial(self._found, records.folder))
        self._recorder = Recorder(path, logs=RunLogs(path.parent))
        self._recorder.beside(records.make_room)
        return attempts if self._row is not None else max(attempts, recorded + 1)

    def _found(self, records: Path) -> tuple[Path, int]:
        """Return where the run is recorded, and how many of its attempts are."""
        from .record.event_file import read_record
        from .store.paths import last_run, run_folder, thread_folder

        last = last_run(thread_folder(self._thread_id, records))
        # A thread that was removed, or was in memory, may have left records of the same numbers.
        run = last + 1 if self._messages is not None or not last else last
        if self._row is not None:
            run = max(run, self._row.runs)
        path = run_folder(self._thread_id, run, records) / EVENTS
        if self._row is not None or run > last or not path.exists():
            return path, 0
        numbers = [attempt.number for attempt in read_record(path).attempts]
        return path, max(numbers, default=0)

    async def _check(self, store: Store) -> None:
        """Check that what is stored is what was written."""
        problems = await store.check(self._thread_id)
        if problems:
            raise DamagedError("; ".join(problems))

    async def _noted_end(self, store: Store, result: ResultDict | None) -> None:
        """Note the end; that of a broken run may stay unsaid, as if its process had died."""
        try:
            await self._finish(store, result)
        except StoreError:
            if result is None or result["outcome"] != "failed":
                raise
            logger.info(LogLine("end not stored", thread=self._thread_id), exc_info=True)

    async def _finish(self, store: Store, result: ResultDict | None) -> None:
        """Note the end of the run; one that was refused stands as it stood."""
        assert store.index is not None
        if result is None:
            old = self._before
            if old is not None and old.result is not None and old.status != "running":
                await store.index.finish(self._thread_id, old.status, old.result)
            return
        await store.index.finish(self._thread_id, result["outcome"], dict(result))
        if result["outcome"] in OVER:
            await store.trim(self._thread_id)
