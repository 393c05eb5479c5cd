"""The index's table: a row for each thread, and a sum over all of them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

from ..backends.errors import StoreError, UserError
from ..nodes.state import RunOutcome
from .base import ThreadIndex, ThreadRow
from .complaints import DamagedError, damaged, no_thread
from .database import Database, Plan
from .journal import listed
from .schema import OF_A_THREAD
from .sums import checksum, mixed

LISTED = "SELECT 1 FROM massgraph_heads WHERE thread_id = ? AND listed <> 0"
"""Whether a thread has, or had, a row in the list."""

LOST = """SELECT thread_id FROM massgraph_heads WHERE listed <> 0
    AND thread_id NOT IN (SELECT thread_id FROM massgraph_threads) ORDER BY thread_id"""
"""Threads whose row is missing."""

MISSING = "its row in the list of threads is missing"


class Threads(ThreadIndex):
    """Keeps the index in a database.

    Args:
        database: Where.
        now: Seconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    async def begin(
        self,
        thread_id: str,
        question: str,
        config: str | None,
        *,
        asked: str | None = None,
        before: str | None = None,
    ) -> ThreadRow:
        """Note that a question is asked, on a new thread or an old one: a run begins."""
        noted = {"question": question, "config": config, "asked": asked, "before": before}
        return await self._database.write(self._begin(thread_id, noted))

    async def resume(self, thread_id: str) -> ThreadRow:
        """Note that the last run goes on: `attempts` is one more."""
        return await self._database.write(self._resume(thread_id))

    async def finish(self, thread_id: str, outcome: RunOutcome, result: dict[str, Any]) -> None:
        """Note how the last run has ended."""
        await self._database.write(self._finish(thread_id, outcome, result))

    async def fork(self, thread_id: str, row: ThreadRow) -> None:
        """Add the row of a thread that was forked from `row`; it is `running` until resumed."""
        now = self._now()
        new = dataclasses.replace(
            row,
            thread_id=thread_id,
            created=now,
            updated=now,
            status="running",
            attempts=1,
            result=None,
            forked_from=row.thread_id,
        )
        await self._database.write(self._fork(new))

    async def get(self, thread_id: str) -> ThreadRow | None:
        """Return a thread's row, or None."""
        return await self._database.read(self._get(thread_id))

    async def ls(self, *, limit: int | None = None) -> list[ThreadRow]:
        """Return the threads, damaged ones first, then the one that changed last."""
        rows = await self._database.read(self._all())
        rows.sort(key=lambda row: (row.damage is None, -row.updated, row.thread_id))
        return rows[:limit]

    def removed(self, thread_id: str) -> Plan[None]:
        """Remove a thread's row and its replies; a damaged or lost row no longer counts."""
        old = yield "SELECT body, sum FROM massgraph_threads WHERE thread_id = ?", (thread_id,)
        yield "DELETE FROM massgraph_threads WHERE thread_id = ?", (thread_id,)
        for table in OF_A_THREAD:
            yield f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,)
        if old and old[0][1] == checksum(thread_id, old[0][0]):
            yield from self._counted(-1, old[0][1])
        else:
            left = yield "SELECT sum FROM massgraph_threads", ()
            lost = yield LOST, ()
            yield _whole_saved(len(left) + len(lost), mixed(*(row[0] for row in left)))

    def _begin(self, thread_id: str, noted: dict[str, Any]) -> Plan[ThreadRow]:
        now = self._now()
        old = yield from self._get(thread_id)
        if old is None:
            old = ThreadRow(
                thread_id=thread_id,
                created=now,
                updated=now,
                question="",
                status="running",
                runs=0,
                attempts=1,
            )
        new = dataclasses.replace(
            old,
            updated=now,
            status="running",
            runs=old.runs + 1,
            attempts=1,
            result=None,
            **noted,
        )
        yield from self._save(new)
        return new

    def _resume(self, thread_id: str) -> Plan[ThreadRow]:
        old = yield from self._there(thread_id)
        new = dataclasses.replace(
            old, updated=self._now(), status="running", attempts=old.attempts + 1
        )
        yield from self._save(new)
        return new

    def _fork(self, new: ThreadRow) -> Plan[None]:
        if (yield from self._get(new.thread_id)) is not None:
            raise UserError(f"There is a thread {new.thread_id!r} already.")
        yield from self._save(new)

    def _finish(self, thread_id: str, outcome: RunOutcome, result: dict[str, Any]) -> Plan[None]:
        old = yield from self._there(thread_id)
        yield from self._save(
            dataclasses.replace(old, updated=self._now(), status=outcome, result=result)
        )

    def _there(self, thread_id: str) -> Plan[ThreadRow]:
        row = yield from self._get(thread_id)
        if row is None:
            raise no_thread(self._database.url, thread_id)
        return row

    def _get(self, thread_id: str) -> Plan[ThreadRow | None]:
        rows = yield "SELECT body, sum FROM massgraph_threads WHERE thread_id = ?", (thread_id,)
        if rows:
            return self._row(thread_id, *rows[0])
        known = yield LISTED, (thread_id,)
        if known:
            raise self._missing(thread_id)
        return None

    def _missing(self, thread_id: str) -> DamagedError:
        return damaged(self._database.url, thread_id, MISSING, see="fork")

    def _all(self) -> Plan[list[ThreadRow]]:
        rows = yield "SELECT thread_id, body, sum FROM massgraph_threads", ()
        found = [self._row_or_damage(*row) for row in rows]
        count, total = yield from self._whole()
        if count > len(rows):
            lost = yield LOST, ()
            found += [_damaged(str(name), self._missing(str(name))) for (name,) in lost]
        broken = any(row.damage is not None for row in found)  # its sum tells nothing
        if count != len(found) or not (broken or total == mixed(*(row[2] for row in rows))):
            raise StoreError(
                f"The list of threads in {self._database.url} is damaged: {len(rows)} are there "
                f"of {count}. Restore a copy of the database, or begin a new one."
            )
        return found

    def _row_or_damage(self, thread_id: object, body: str, total: str) -> ThreadRow:
        try:
            return self._row(str(thread_id), body, total)
        except DamagedError as exc:
            return _damaged(str(thread_id), exc)

    def _row(self, thread_id: str, body: str, total: str) -> ThreadRow:
        if total != checksum(thread_id, body):
            what = "its row in the list of threads is not what was written"
            raise damaged(self._database.url, thread_id, what, see="fork")
        return ThreadRow(**json.loads(body))

    def _save(self, row: ThreadRow) -> Plan[None]:
        told = dataclasses.asdict(row)
        del told["damage"]
        body = json.dumps(told, separators=(",", ":"))
        total = checksum(row.thread_id, body)
        old = yield "SELECT sum FROM massgraph_threads WHERE thread_id = ?", (row.thread_id,)
        yield (
            "INSERT INTO massgraph_threads (thread_id, body, sum) VALUES (?, ?, ?) "
            "ON CONFLICT (thread_id) DO UPDATE SET body = excluded.body, sum = excluded.sum",
            (row.thread_id, body, total),
        )
        yield from listed(self._database.url, row.thread_id, was=bool(old))
        yield from self._counted(0 if old else 1, total, *(sums[0] for sums in old))

    def _counted(self, more: int, *sums: str) -> Plan[None]:
        count, total = yield from self._whole()
        yield _whole_saved(count + more, mixed(total, *sums))

    def _whole(self) -> Plan[tuple[int, str]]:
        rows = yield "SELECT entries, sum FROM massgraph_whole WHERE name = 'threads'", ()
        if len(rows) != 1:
            raise StoreError(
                f"The list of threads in {self._database.url} is damaged: its sum is missing. "
                "Restore a copy of the database, or begin a new one."
            )
        return rows[0][0], rows[0][1]


def _damaged(thread_id: str, exc: DamagedError) -> ThreadRow:
    """Return what stands in the list for a thread whose row cannot be read."""
    return ThreadRow(
        thread_id=thread_id,
        created=0.0,
        updated=0.0,
        question="",
        status="running",
        runs=0,
        attempts=0,
        damage=str(exc),
    )


def _whole_saved(count: int, total: str) -> tuple[str, tuple[object, ...]]:
    return "UPDATE massgraph_whole SET entries = ?, sum = ? WHERE name = 'threads'", (count, total)
