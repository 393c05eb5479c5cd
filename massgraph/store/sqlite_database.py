"""SQLite connections for the journal and the index, and what SQLite's errors mean."""

from __future__ import annotations

import sqlite3
import threading
from typing import Literal, TypeVar

from ..backends.errors import StoreError
from .complaints import AwayError, one_line
from .database import Database, Plan, Row
from .to_the_end import to_the_end
from .work_thread import WorkThread

T = TypeVar("T")

BUSY_TIMEOUT_S = 30.0
"""Seconds to wait for another process that writes."""

_MEANINGS = (
    ("SQLITE_CORRUPT", "is damaged; restore a copy of it, or begin a new one"),
    ("SQLITE_NOTADB", "is no SQLite database, or its beginning is damaged; name another file"),
    ("SQLITE_FULL", "can't be written: the disk is full"),
    ("SQLITE_BUSY", f"is kept locked by another process for over {BUSY_TIMEOUT_S:.0f} s"),
    ("SQLITE_LOCKED", "is kept locked by another connection"),
    ("SQLITE_READONLY", "can't be written: check who may write its file and its folder"),
    ("SQLITE_CANTOPEN", "can't be opened: check its path, and who may write there"),
    ("SQLITE_IOERR", "can't be read or written: check the disk"),
)
"""The beginning of SQLite's name for an error -> what the database is."""

DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""Those that tell of damage; the other meanings are of a database that can't be used now."""

Begin = Literal["BEGIN", "BEGIN IMMEDIATE"]


def as_store_error(url: str, exc: Exception) -> StoreError:
    """Return an error of SQLite as a StoreError; the caller chains it."""
    name = getattr(exc, "sqlite_errorname", None) or ""
    for beginning, meaning in _MEANINGS:
        if name.startswith(beginning):
            kind = StoreError if name.startswith(DAMAGE) else AwayError
            return kind(f"The database {url} {meaning} ({one_line(exc)}).")
    return StoreError(f"The database {url} fails, it may be damaged: {one_line(exc)}.")


def run(url: str, connection: sqlite3.Connection, plan: Plan[T], begin: Begin) -> T:
    """Run a plan in one transaction.

    Raises:
        StoreError: When the database fails; nothing is changed then.
    """
    try:
        connection.execute(begin)
        try:
            result = _played(connection, plan)
            connection.execute("COMMIT")
        except BaseException:
            plan.close()
            if connection.in_transaction:
                connection.rollback()
            raise
    except sqlite3.Error as exc:
        raise as_store_error(url, exc) from exc
    return result


def _played(connection: sqlite3.Connection, plan: Plan[T]) -> T:
    try:
        sql, values = next(plan)
        while True:
            rows: list[Row] = connection.execute(sql, values).fetchall()
            sql, values = plan.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


class SqliteDatabase(Database):
    """A connection that is used in a thread.

    Args:
        connection: In autocommit mode (`isolation_level=None`), not bound to a thread.
        thread: The thread.
    """

    def __init__(self, connection: sqlite3.Connection, thread: WorkThread) -> None:
        self.url, self._connection, self._thread = thread.url, connection, thread

    async def read(self, plan: Plan[T]) -> T:
        """Run a plan that changes nothing."""
        return await self._run(plan, "BEGIN")

    async def write(self, plan: Plan[T]) -> T:
        """Run a plan, and wait for the disk."""
        return await self._run(plan, "BEGIN IMMEDIATE")

    async def _run(self, plan: Plan[T], begin: Begin) -> T:
        work = self._thread.do(run, self.url, self._connection, plan, begin)
        return await to_the_end(work)


class InlineDatabase(Database):
    """A connection to a database in memory: it never waits, so it needs no thread.

    Args:
        url: Where it is.
        connection: In autocommit mode (`isolation_level=None`), not bound to a thread.
    """

    def __init__(self, url: str, connection: sqlite3.Connection) -> None:
        self.url, self._connection = url, connection
        self._lock = threading.Lock()

    async def read(self, plan: Plan[T]) -> T:
        """Run a plan that changes nothing."""
        with self._lock:
            return run(self.url, self._connection, plan, "BEGIN")

    async def write(self, plan: Plan[T]) -> T:
        """Run a plan."""
        with self._lock:
            return run(self.url, self._connection, plan, "BEGIN IMMEDIATE")
