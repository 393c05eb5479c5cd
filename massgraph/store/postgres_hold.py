"""The hold of a thread in PostgreSQL: an advisory lock of a connection of its own."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import blake2b

from psycopg import AsyncConnection, Error
from psycopg.rows import DictRow

from ..nodes.log_line import LogLine
from .complaints import busy, one_line
from .database import Plan
from .postgres_complaints import telling
from .to_the_end import to_the_end

logger = logging.getLogger("massgraph.store")

HELD = """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = ? AND objid = ?"""


@asynccontextmanager
async def held(
    connection: AsyncConnection[DictRow], url: str, thread_id: str
) -> AsyncGenerator[None]:
    """Hold a thread while the block runs, and close the connection.

    Args:
        connection: The connection that has the lock, and does nothing else.
        url: Where it leads, without a password.
        thread_id: The thread.

    Raises:
        UserError: When a run is going on on the thread already.
        StoreError: When the server cannot be reached.
    """
    try:
        async with telling(url):
            got = await locked(connection, _number(thread_id))
        if not got:
            raise busy(thread_id)
        yield
    finally:
        await to_the_end(_let_go(connection, thread_id))


def is_held(thread_id: str) -> Plan[bool]:
    """Return whether a thread is held, by anybody."""
    number = _number(thread_id) % 2**64
    rows = yield HELD, (number >> 32, number % 2**32)
    return bool(rows)


async def locked(connection: AsyncConnection[DictRow], number: int) -> bool:
    """Take an advisory lock for as long as the connection lives, unless somebody has it."""
    rows = await connection.execute("SELECT pg_try_advisory_lock(%s) AS got", (number,))
    row = await rows.fetchone()
    return bool(row and row["got"])


def _number(thread_id: str) -> int:
    """Return the number of a thread's advisory lock: 64 bits, signed."""
    digest = blake2b(thread_id.encode(), digest_size=8, person=b"massgraph").digest()
    return int.from_bytes(digest, "big", signed=True)


async def _let_go(connection: AsyncConnection[DictRow], thread_id: str) -> None:
    """Give a thread free; the server would notice the closed connection a moment later."""
    try:
        await connection.execute("SELECT pg_advisory_unlock(%s)", (_number(thread_id),))
    except Error as exc:  # the connection was cut off, and its locks went with it
        logger.info(LogLine("hold was lost", thread=thread_id, why=one_line(exc)))
    finally:
        await connection.close()
