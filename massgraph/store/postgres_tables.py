"""The tables in PostgreSQL: ours beside LangGraph's, made once, and told from those of others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from ..backends.errors import StoreError
from .postgres_complaints import foreign, telling
from .postgres_hold import locked
from .schema import FIRST_ROWS, SCHEMA_VERSION, TABLES

LANGGRAPHS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
"""LangGraph's, where a thread has rows."""

SETTING_UP = 0x6D67_0000_0000_0002
"""The advisory lock of whoever makes the tables."""

_PLACE = frozenset({"thread_id", "checkpoint_ns"})

KNOWN: Mapping[str, frozenset[str]] = {
    "checkpoints": _PLACE | {"checkpoint_id", "parent_checkpoint_id", "checkpoint", "metadata"},
    "checkpoint_blobs": _PLACE | {"channel", "version", "type", "blob"},
    "checkpoint_writes": _PLACE | {"checkpoint_id", "task_id", "idx", "channel", "type", "blob"},
    "checkpoint_migrations": frozenset({"v"}),
    "massgraph_replies": _PLACE | {"pos", "number", "agent", "at", "body", "sum"},
    "massgraph_heads": frozenset({"thread_id", "replies", "last", "listed", "sum"}),
    "massgraph_threads": frozenset({"thread_id", "body", "sum"}),
    "massgraph_whole": frozenset({"name", "entries", "sum"}),
}
"""Each table's columns, from its first version on."""

COLUMNS = """SELECT c.relname AS table, array_agg(a.attname::text) AS columns
    FROM unnest(%s::text[]) AS name
    JOIN pg_class c ON c.oid = to_regclass(name)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY c.relname ORDER BY c.relname"""


async def set_up(url: str, connection: AsyncConnection[DictRow]) -> None:
    """Make the tables, one process at a time.

    (Whoever waited inside a statement would keep LangGraph's `CREATE INDEX CONCURRENTLY` waiting.)

    Args:
        url: Where the connection leads, without a password.
        connection: A connection; its advisory lock lasts until it is closed.

    Raises:
        StoreError: When the database cannot be used, or is not ours; nothing of another program's
            is touched.
    """
    async with telling(url):
        while not await locked(connection, SETTING_UP):  # noqa: ASYNC110 - another process sets up
            await asyncio.sleep(0.05)
        await _check_columns(url, connection)
        await AsyncPostgresSaver(connection).setup()
        async with connection.transaction():
            for statement in (*TABLES, *FIRST_ROWS):
                await connection.execute(statement.encode())
        await _check_version(url, connection)


async def _check_columns(url: str, connection: AsyncConnection[DictRow]) -> None:
    rows = await connection.execute(COLUMNS, (list(KNOWN),))
    async for row in rows:
        if not KNOWN[row["table"]] <= set(row["columns"]):
            raise foreign(url, row["table"])


async def _check_version(url: str, connection: AsyncConnection[DictRow]) -> None:
    rows = await connection.execute("SELECT entries FROM massgraph_whole WHERE name = 'schema'")
    row = await rows.fetchone()
    if row is None or row["entries"] != SCHEMA_VERSION:
        raise StoreError(
            f"The database {url} is of version {row and row['entries']}, this massgraph knows "
            f"{SCHEMA_VERSION}: it was made by a newer one, or is damaged."
        )
