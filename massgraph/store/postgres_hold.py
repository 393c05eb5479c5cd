"""The holds of threads in PostgreSQL: advisory locks, each of a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import NoReturn

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ..nodes.log_line import LogLine
from .base import ThreadRow
from .complaints import busy, one_line
from .database import Plan
from .postgres_complaints import taken, telling
from .postgres_connection import StoreConnection, answering, check, has_word
from .postgres_pool import RETRY_S, Pool
from .to_the_end import to_the_end

logger = logging.getLogger("massgraph.store")

LINGER_S = 2.0
"""Seconds within which a server gives the lock of a connection free that was cut off."""

HELD = """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = ? AND objid = ?"""


ATTEMPT = """SELECT body::json ->> 'runs' AS run, body::json ->> 'attempts' AS attempt
    FROM massgraph_threads WHERE thread_id = %s"""


class LostHoldError(Exception):
    """A hold that may be lost: nothing is written before it is made sure of."""


class Hold:
    """A thread that is held. Its lock goes with its connection, and is taken anew then.

    Args:
        pool: Knows the server.
        thread_id: The thread.
        connection: The connection that has the lock, and does nothing else.
        losses: How many connections the pool had lost before it was made.
    """

    def __init__(
        self, pool: Pool, thread_id: str, connection: StoreConnection, losses: int
    ) -> None:
        self._pool, self._thread_id = pool, thread_id
        self._connection, self._losses = connection, losses
        self._sure = asyncio.Lock()
        self._taken = False
        self.attempt: tuple[int, int] | None = None
        """The number of the run that goes on, and of its attempt, once it is noted."""

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be lost, as its connection or another one was. It asks nobody."""
        return self._losses != self._pool.losses or has_word(self._connection)

    async def make_sure(self) -> None:
        """Take the lock anew if it may be lost, and is.

        Raises:
            StoreError: When another run has it meanwhile, or the server is away.
        """
        async with self._sure:
            if self._taken:
                raise taken(self._thread_id)
            if not self.is_doubtful:
                return
            losses = self._pool.losses
            if not await self._lives():
                await self._take_again()
            self._losses = losses

    async def let_go(self) -> None:
        """Give the thread free; the server would notice the closed connection a moment later."""
        try:
            with answering(self._connection):
                await self._connection.execute(
                    "SELECT pg_advisory_unlock(%s)", (_number(self._thread_id),)
                )
        except psycopg.Error as exc:  # the connection was cut off, and its locks went with it
            self._tell_lost(exc)
        finally:
            await self._connection.close()

    async def _lives(self) -> bool:
        try:
            await check(self._connection)
        except psycopg.Error as exc:
            self._tell_lost(exc)
            await self._connection.close()
            return False
        return True

    async def _take_again(self) -> None:
        until = time.monotonic() + LINGER_S
        while (connection := await _locking(self._pool, self._thread_id)) is None:
            if time.monotonic() > until:
                self._give_up()
            await asyncio.sleep(RETRY_S)
        try:
            if self.attempt not in {None, await _attempt(connection, self._thread_id)}:
                self._give_up()
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        logger.info(LogLine("hold is back", thread=self._thread_id))

    def _give_up(self) -> NoReturn:
        self._taken = True
        raise taken(self._thread_id)

    def _tell_lost(self, exc: psycopg.Error) -> None:
        logger.info(LogLine("hold was lost", thread=self._thread_id, why=one_line(exc)))


class Holds:
    """What a store holds.

    Args:
        pool: Its connections.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._held: dict[str, Hold] = {}

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold a thread while the block runs.

        Raises:
            UserError: When a run is going on on the thread already.
            StoreError: When the server cannot be reached, and was waited for in vain.
        """
        losses = self._pool.losses
        async with telling(self._pool.url):
            connection = await _locking(self._pool, thread_id)
        if connection is None:
            raise busy(thread_id)
        hold = self._held[thread_id] = Hold(self._pool, thread_id, connection, losses)
        try:
            yield
        finally:
            del self._held[thread_id]
            await to_the_end(hold.let_go())

    async def make_sure(self, thread_id: str) -> None:
        """Take a thread's lock anew if it was held here, and is lost.

        Raises:
            StoreError: When another run has it meanwhile, or the server is away.
        """
        hold = self._held.get(thread_id)
        if hold is not None:
            async with telling(self._pool.url):
                await hold.make_sure()

    def begun(self, row: ThreadRow) -> None:
        """Note which run goes on on a thread: when its hold was lost, another one may have been."""
        hold = self._held.get(row.thread_id)
        if hold is not None:
            hold.attempt = row.runs, row.attempts

    def check(self, thread_id: str) -> None:
        """Look, where a thread is about to be written to, whether it is held still.

        Raises:
            LostHoldError: When it may not be: `make_sure` of it, and begin anew.
        """
        hold = self._held.get(thread_id)
        if hold is not None and hold.is_doubtful:
            raise LostHoldError


def is_held(thread_id: str) -> Plan[bool]:
    """Return whether a thread is held, by anybody."""
    number = _number(thread_id) % 2**64
    rows = yield HELD, (number >> 32, number % 2**32)
    return bool(rows)


async def locked(connection: AsyncConnection[DictRow], number: int) -> bool:
    """Take an advisory lock for as long as the connection lives, unless somebody has it."""
    with answering(connection):
        rows = await connection.execute("SELECT pg_try_advisory_lock(%s) AS got", (number,))
        row = await rows.fetchone()
    return bool(row and row["got"])


async def _locking(pool: Pool, thread_id: str) -> StoreConnection | None:
    """Return a connection that has a thread's lock; None when somebody else has it."""
    connection = await pool.own()
    got = False
    try:
        got = await locked(connection, _number(thread_id))
    finally:
        if not got:
            await connection.close()
    return connection if got else None


async def _attempt(connection: AsyncConnection[DictRow], thread_id: str) -> tuple[int, int] | None:
    """Return a thread's last run and its attempt, by number; None where it is not listed."""
    with answering(connection):
        rows = await connection.execute(ATTEMPT, (thread_id,))
        row = await rows.fetchone()
    return (int(row["run"]), int(row["attempt"])) if row else None


def _number(thread_id: str) -> int:
    """Return the number of a thread's advisory lock: 64 bits, signed."""
    digest = blake2b(thread_id.encode(), digest_size=8, person=b"massgraph").digest()
    return int.from_bytes(digest, "big", signed=True)
