"""PostgreSQL for the journal and the index."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import DictRow, tuple_row

from .database import Database, Plan, Row
from .postgres_complaints import telling
from .postgres_connection import ANSWER_S, cut
from .postgres_pool import Pool
from .to_the_end import to_the_end

T = TypeVar("T")

WRITERS = 0x6D67_0000_0000_0001
"""The advisory lock of whoever writes the journal or the index: one transaction at a time."""


class PostgresDatabase(Database):
    """A pool's connections, one plan at a time; a connection that was dropped is replaced.

    Args:
        url: Where it is, without a password.
        pool: The pool.
    """

    def __init__(self, url: str, pool: Pool) -> None:
        self.url, self._pool = url, pool
        self._lock = asyncio.Lock()

    async def read(self, plan: Plan[T]) -> T:
        """Run a plan that changes nothing."""
        return await self._run(plan, writes=False)

    async def write(self, plan: Plan[T]) -> T:
        """Run a plan, and wait for the disk."""
        return await self._run(plan, writes=True)

    async def _run(self, plan: Plan[T], *, writes: bool) -> T:
        """Run a plan; whoever is cancelled while there is no connection does not wait for one."""
        async with telling(self.url), self._lock, self._pool.connection() as connection:
            work = _transacted(connection, plan, writes=writes)
            return await to_the_end(work, late_s=ANSWER_S, late=partial(cut, connection))


async def _transacted(connection: AsyncConnection[DictRow], plan: Plan[T], *, writes: bool) -> T:
    async with _transaction(connection, writes=writes):
        return await _played(connection, plan)


@asynccontextmanager
async def _transaction(
    connection: AsyncConnection[DictRow], *, writes: bool
) -> AsyncGenerator[None]:
    """Begin a transaction that reads one state of the database, or writes alone."""
    level = None if writes else IsolationLevel.REPEATABLE_READ
    await connection.set_isolation_level(level)
    async with connection.transaction():
        if writes:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
        yield


async def _played(connection: AsyncConnection[Any], plan: Plan[T]) -> T:
    async with connection.cursor(row_factory=tuple_row) as cursor:
        try:
            sql, values = next(plan)
            while True:
                await cursor.execute(_dialect(sql), values)
                rows: list[Row] = await cursor.fetchall() if cursor.description else []
                sql, values = plan.send(rows)
        except StopIteration as end:
            result: T = end.value
            return result


def _dialect(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()
