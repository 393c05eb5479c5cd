"""Threads in PostgreSQL: LangGraph's checkpoints, the journal and the index.

It needs the extra `postgres`. psycopg's asynchronous connections do not run on Windows' default
event loop: take `asyncio.SelectorEventLoop` there. A thread is held by an advisory lock of a
session: behind a pooler that hands out connections by transaction (PgBouncer's `transaction` mode)
the hold is lost. A hold whose connection is cut off is lost as well; what two runs would write to
one thread's journal still makes one chain.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..backends.errors import MissingError, StoreError
from .base import Store
from .complaints import busy
from .database import Plan
from .index import Threads
from .journal import Replies
from .per_loop import StoragePerLoop
from .redacted import postgres_settings, redacted
from .schema import FIRST_ROWS, SCHEMA_VERSION, TABLES
from .stored import found_wrong
from .to_the_end import to_the_end

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

    from .postgres_database import Pool
    from .postgres_saver import PostgresSaver

CONNECT_TIMEOUT_S = 10
"""Seconds to wait for a server."""

MAX_CONNECTIONS = 4
"""Of a store; each run that goes on has one more, which holds its thread."""

SETTING_UP = 0x6D67_0000_0000_0002
"""The advisory lock of whoever makes the tables."""

PACKAGES = ("psycopg", "psycopg_pool", "langgraph.checkpoint.postgres")

LANGGRAPHS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

STORED = (
    "SELECT type, blob FROM checkpoint_blobs WHERE thread_id = ? AND checkpoint_ns = ''",
    "SELECT type, blob FROM checkpoint_writes WHERE thread_id = ? AND checkpoint_ns = ''",
)

PARENTS = """SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints
    WHERE thread_id = ? AND checkpoint_ns = '' ORDER BY checkpoint_id"""

DURABLE = """SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'"""

HELD = """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = ? AND objid = ?"""


class PostgresStore(Store):
    """An open pool of connections.

    Args:
        storage: The storage it belongs to.
        pool: The connections.
        saver: LangGraph's checkpointer.
    """

    def __init__(self, storage: PostgresStorage, pool: Pool, saver: PostgresSaver) -> None:
        from .postgres_database import PostgresDatabase

        self.url, self._storage, self._pool = storage.url, storage, pool
        self._database = PostgresDatabase(self.url, pool)
        self.saver = self._saver = saver
        self.journal = self._replies = Replies(self._database)
        self.index = self._threads = Threads(self._database)

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold a thread while the block runs: one run at a time, in all processes."""
        connection = await self._storage.connect()
        try:
            if not await self._locked(connection, thread_id):
                raise busy(thread_id)
            yield
        finally:
            await to_the_end(_let_go(connection, thread_id))

    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread."""
        number = _number(thread_id) % 2**64
        return await self._database.read(_held(number >> 32, number % 2**32))

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a thread's run that was cancelled is under way any more."""
        await self._saver.idle(thread_id)

    async def trim(self, thread_id: str) -> None:
        """Remove the checkpoints of subgraphs."""
        await self._database.write(_trimmed(thread_id))

    async def rm(self, thread_id: str) -> None:
        """Remove everything of a thread."""
        await self._database.write(self._removed(thread_id))

    async def check(self, thread_id: str) -> list[str]:
        """Return what is wrong with what is stored of a thread."""
        return await found_wrong(self, self._replies, self._database, thread_id, STORED, PARENTS)

    async def aclose(self) -> None:
        """Close all connections."""
        await to_the_end(self._pool.close())

    async def _locked(self, connection: AsyncConnection[DictRow], thread_id: str) -> bool:
        from .postgres_database import telling

        async with telling(self.url):
            sql = "SELECT pg_try_advisory_lock(%s) AS got"
            row = await (await connection.execute(sql, (_number(thread_id),))).fetchone()
        return bool(row and row["got"])

    def _removed(self, thread_id: str) -> Plan[None]:
        for table in LANGGRAPHS:
            yield f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,)
        yield from self._threads.removed(thread_id)


def _number(thread_id: str) -> int:
    """Return the number of a thread's advisory lock: 64 bits, signed."""
    digest = blake2b(thread_id.encode(), digest_size=8, person=b"massgraph").digest()
    return int.from_bytes(digest, "big", signed=True)


def _held(high: int, low: int) -> Plan[bool]:
    rows = yield HELD, (high, low)
    return bool(rows)


def _trimmed(thread_id: str) -> Plan[None]:
    for table in LANGGRAPHS:
        yield f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns > ''", (thread_id,)


class PostgresStorage(StoragePerLoop):
    """Threads in a PostgreSQL database; its password is in no message.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT/NAME`; libpq's environment variables and
            password file count as usual.

    Raises:
        MissingError: When the extra `postgres` is not installed.
        UserError: When the URL cannot be read.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        _check_extra()
        self._url = url
        self.url = redacted(postgres_settings(url))

    @property
    def key(self) -> object:
        """The database, by its whole URL."""
        return self._url

    def __repr__(self) -> str:
        return f"PostgresStorage({self.url!r})"

    async def connect(self) -> AsyncConnection[DictRow]:
        """Return a connection of one's own.

        Raises:
            StoreError: When the server cannot be reached.
        """
        from psycopg import AsyncConnection
        from psycopg.rows import DictRow, dict_row

        from .postgres_database import telling

        async with telling(self.url):
            connection = await AsyncConnection[DictRow].connect(
                self._url,
                autocommit=True,
                prepare_threshold=0,
                row_factory=dict_row,
                connect_timeout=CONNECT_TIMEOUT_S,
            )
            await connection.execute(DURABLE)
        return connection

    async def _open(self) -> Store:
        from psycopg import AsyncConnection
        from psycopg.rows import DictRow
        from psycopg_pool import AsyncConnectionPool

        from .postgres_database import telling
        from .postgres_saver import PostgresSaver

        connection = await self.connect()
        try:
            async with telling(self.url):
                await _set_up(self.url, connection)
        finally:
            await connection.close()
        pool: Pool = AsyncConnectionPool(
            self._url,
            connection_class=AsyncConnection[DictRow],
            kwargs=_options(),
            min_size=1,
            max_size=MAX_CONNECTIONS,
            open=False,
            name=self.url,
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=CONNECT_TIMEOUT_S,
            configure=_make_durable,
            check=_check,
        )
        await pool.open()
        return PostgresStore(self, pool, PostgresSaver(self.url, pool))


def _check_extra() -> None:
    for package in PACKAGES:
        try:
            found = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise MissingError(
                f"Threads in PostgreSQL need the package {package!r}:",
                hint=f"\"{sys.executable}\" -m pip install 'massgraph[postgres]'",
            )


def _options() -> dict[str, Any]:
    from psycopg.rows import dict_row

    return {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "connect_timeout": CONNECT_TIMEOUT_S,
    }


async def _check(connection: AsyncConnection[Any]) -> None:
    """Raise when the connection was cut off: the pool makes another one then."""
    await connection.execute("")


async def _make_durable(connection: AsyncConnection[Any]) -> None:
    await connection.execute(DURABLE)


async def _let_go(connection: AsyncConnection[DictRow], thread_id: str) -> None:
    """Give a thread free; the server would notice the closed connection a moment later."""
    from psycopg import Error

    try:
        await connection.execute("SELECT pg_advisory_unlock(%s)", (_number(thread_id),))
    except Error:
        pass  # the connection is cut off, and its locks went with it
    finally:
        await connection.close()


async def _set_up(url: str, connection: AsyncConnection[DictRow]) -> None:
    """Make the tables, one process at a time.

    (Whoever waited inside a statement would keep LangGraph's `CREATE INDEX CONCURRENTLY` waiting.)
    """
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    while not await _got(connection, SETTING_UP):  # noqa: ASYNC110 - another process sets up
        await asyncio.sleep(0.05)
    await AsyncPostgresSaver(connection).setup()
    async with connection.transaction():
        for statement in (*TABLES, *FIRST_ROWS):
            await connection.execute(statement.encode())
    rows = await connection.execute("SELECT entries FROM massgraph_whole WHERE name = 'schema'")
    row = await rows.fetchone()
    if row is None or row["entries"] != SCHEMA_VERSION:
        raise StoreError(
            f"The database {url} is of version {row and row['entries']}, this massgraph knows "
            f"{SCHEMA_VERSION}: it was made by a newer one, or is damaged."
        )


async def _got(connection: AsyncConnection[DictRow], number: int) -> bool:
    rows = await connection.execute("SELECT pg_try_advisory_lock(%s) AS got", (number,))
    row = await rows.fetchone()
    return bool(row and row["got"])
