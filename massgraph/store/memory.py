"""Threads in memory, for as long as the program runs."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver

from .base import Storage, Store
from .given import held_here, is_held_here
from .index import Threads
from .journal import Replies
from .schema import FIRST_ROWS, TABLES
from .sqlite_database import InlineDatabase

URL = "memory:"


class MemoryStore(Store):
    """A store in memory, for all event loops; it has no thread and no file."""

    def __init__(self) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, connection.close)
        for statement in (*TABLES, *FIRST_ROWS):
            connection.execute(statement)
        self.url = URL
        self._database = InlineDatabase(URL, connection)
        self.saver = self._saver = InMemorySaver()
        self.journal = self._replies = Replies(self._database)
        self.index = self._threads = Threads(self._database)

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold a thread while the block runs: one run at a time."""
        async with held_here(self, thread_id):
            yield

    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread."""
        return is_held_here(self, thread_id)

    async def trim(self, thread_id: str) -> None:
        """Remove the checkpoints of subgraphs."""
        spaces = self._saver.storage.get(thread_id, {})
        for space in [space for space in spaces if space]:
            del spaces[space]
        for kept in cast("list[dict[Any, Any]]", [self._saver.writes, self._saver.blobs]):
            for key in [key for key in kept if key[0] == thread_id and key[1]]:
                del kept[key]

    async def rm(self, thread_id: str) -> None:
        """Remove everything of a thread."""
        self._saver.delete_thread(thread_id)
        await self._database.write(self._threads.removed(thread_id))

    async def check(self, thread_id: str) -> list[str]:
        """Return nothing: memory is not checked."""
        return []

    async def aclose(self) -> None:
        """Keep it: other event loops may use it."""


class MemoryStorage(Storage):
    """Threads in memory: all event loops share them, and closing keeps them."""

    url = URL

    def __init__(self) -> None:
        self._store = MemoryStore()

    async def opened(self) -> Store:
        """Return the store."""
        return self._store

    async def aclose(self) -> None:
        """Keep the threads, for as long as this object is there."""
