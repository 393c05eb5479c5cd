"""A PostgreSQL database that is open: checkpoints, journal, index and holds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from .base import Store
from .database import Plan
from .postgres_cut import SteadyReplies, SteadyThreads, held, steady
from .postgres_database import PostgresDatabase
from .postgres_hold import Holds, is_held
from .postgres_pool import Pool
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
        pool: The connections.
    """

    def __init__(self, pool: Pool) -> None:
        self.url, self._pool, self._holds = pool.url, pool, Holds(pool)
        self._database = PostgresDatabase(self.url, pool)
        self.saver = self._saver = PostgresSaver(pool, self._holds)
        self.journal = self._replies = SteadyReplies(self._database, self._holds)
        self.index = self._threads = SteadyThreads(self._database, self._holds)

    def hold(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Hold a thread while the block runs: one run at a time, in all processes."""
        return self._holds.hold(thread_id)

    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread."""
        return await self._database.read(is_held(thread_id))

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a thread's run that was cancelled is under way any more."""
        await self._replies.idle(thread_id)
        await self._saver.idle(thread_id)

    async def checkpoints(self, thread_id: str) -> list[str]:
        """Return the ids of a thread's checkpoints, the oldest first, damaged ones included."""
        return await self._database.read(checkpoint_ids(thread_id))

    async def trim(self, thread_id: str) -> None:
        """Remove the checkpoints of subgraphs."""
        await self._change(thread_id, lambda: _trimmed(thread_id))

    async def rm(self, thread_id: str) -> None:
        """Remove everything of a thread."""
        await self._change(thread_id, lambda: self._removed(thread_id))

    async def check(self, thread_id: str) -> list[str]:
        """Return what is wrong with what is stored of a thread."""
        return await found_wrong(self, self._replies, self._database, thread_id, STORED)

    async def aclose(self) -> None:
        """Close all connections."""
        await to_the_end(self._pool.close())

    async def _change(self, thread_id: str, plan: Callable[[], Plan[None]]) -> None:
        write = self._database.write
        await steady(self._holds, thread_id, lambda: write(held(self._holds, thread_id, plan())))

    def _removed(self, thread_id: str) -> Plan[None]:
        for table in LANGGRAPHS:
            yield f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,)
        yield from self._threads.removed(thread_id)


def _trimmed(thread_id: str) -> Plan[None]:
    for table in LANGGRAPHS:
        yield f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns > ''", (thread_id,)
