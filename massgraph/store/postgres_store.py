"""A PostgreSQL database that is open: checkpoints, journal, index and holds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from .base import Store
from .database import Plan
from .index import Threads
from .postgres_cut import SteadyReplies
from .postgres_database import PostgresDatabase
from .postgres_hold import held, is_held
from .postgres_pool import Pool, StoreConnection
from .postgres_saver import PostgresSaver
from .postgres_tables import LANGGRAPHS
from .stored import checkpoint_ids, found_wrong
from .to_the_end import to_the_end

STORED = (
    "SELECT type, blob FROM checkpoint_blobs WHERE thread_id = ? AND checkpoint_ns = ''",
    "SELECT type, blob FROM checkpoint_writes WHERE thread_id = ? AND checkpoint_ns = ''",
)


class PostgresStore(Store):
    """An open pool of connections to PostgreSQL.

    Args:
        url: Where they lead, without a password.
        pool: The connections.
        connect: Makes one more, which holds a thread.
    """

    def __init__(
        self, url: str, pool: Pool, connect: Callable[[], Awaitable[StoreConnection]]
    ) -> None:
        self.url, self._pool, self._connect = url, pool, connect
        self._database = PostgresDatabase(self.url, pool)
        self.saver = self._saver = PostgresSaver(self.url, pool)
        self.journal = self._replies = SteadyReplies(self._database)
        self.index = self._threads = Threads(self._database)

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold a thread while the block runs: one run at a time, in all processes."""
        async with held(await self._connect(), self.url, thread_id):
            yield

    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread."""
        return await self._database.read(is_held(thread_id))

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a thread's run that was cancelled is under way any more."""
        await self._saver.idle(thread_id)

    async def checkpoints(self, thread_id: str) -> list[str]:
        """Return the ids of a thread's checkpoints, the oldest first, damaged ones included."""
        return await self._database.read(checkpoint_ids(thread_id))

    async def trim(self, thread_id: str) -> None:
        """Remove the checkpoints of subgraphs."""
        await self._database.write(_trimmed(thread_id))

    async def rm(self, thread_id: str) -> None:
        """Remove everything of a thread."""
        await self._database.write(self._removed(thread_id))

    async def check(self, thread_id: str) -> list[str]:
        """Return what is wrong with what is stored of a thread."""
        return await found_wrong(self, self._replies, self._database, thread_id, STORED)

    async def aclose(self) -> None:
        """Close all connections."""
        await to_the_end(self._pool.close())

    def _removed(self, thread_id: str) -> Plan[None]:
        for table in LANGGRAPHS:
            yield f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,)
        yield from self._threads.removed(thread_id)


def _trimmed(thread_id: str) -> Plan[None]:
    for table in LANGGRAPHS:
        yield f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns > ''", (thread_id,)
