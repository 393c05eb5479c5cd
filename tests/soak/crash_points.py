"""Points: everything that is durable, after each write, so that a crash there can be tried."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langgraph.checkpoint.memory import InMemorySaver

from massgraph.backends.reply import StoredReply
from massgraph.nodes.journal import CallKey, Journal
from massgraph.store.base import Storage, Store
from massgraph.store.database import Database, Plan
from massgraph.store.index import Threads
from massgraph.store.journal import Replies
from massgraph.store.memory import MemoryStore
from massgraph.store.sqlite_database import InlineDatabase

from .crash_mind import MARK

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Durable:
    """What a store in memory holds: all that a crash leaves.

    Args:
        database: The journal and the index.
        storage: LangGraph's checkpoints.
        writes: LangGraph's pending writes.
        blobs: LangGraph's values.
    """

    database: bytes
    storage: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    writes: dict[Any, dict[Any, Any]] = field(default_factory=dict)
    blobs: dict[Any, Any] = field(default_factory=dict)

    def row(self, thread_id: str) -> dict[str, Any] | None:
        """Return a thread's row in the index, or None."""
        connection = sqlite3.connect(":memory:")
        connection.deserialize(self.database)
        rows = connection.execute(
            "SELECT body FROM massgraph_threads WHERE thread_id = ?", (thread_id,)
        ).fetchall()
        connection.close()
        row: dict[str, Any] | None = json.loads(rows[0][0]) if rows else None
        return row

    def calls(self) -> dict[CallKey, str]:
        """Return the stored calls, and the request of each where a mind has replied."""
        connection = sqlite3.connect(":memory:")
        connection.deserialize(self.database)
        rows = connection.execute(
            "SELECT thread_id, checkpoint_ns, number, body FROM massgraph_replies"
        ).fetchall()
        connection.close()
        return {CallKey(*row[:3]): request_of(json.loads(row[3])) for row in rows}


def request_of(body: dict[str, Any]) -> str:
    """Return the request of a stored reply of a mind.

    Nothing for one of another backend, and for one that broke: it may be tried again.
    """
    if body["said"][-1][1]["type"] == "error":
        return ""
    for _, chunk in body["said"]:
        status = str(chunk.get("status", "")) if chunk["type"] == "agent_status" else ""
        if status.startswith(MARK):
            return status.removeprefix(MARK)
    return ""


class _Database(Database):
    def __init__(self, database: Database, wrote: Callable[[str], None]) -> None:
        self.url, self._database, self._wrote = database.url, database, wrote

    async def read(self, plan: Plan[T]) -> T:
        return await self._database.read(plan)

    async def write(self, plan: Plan[T]) -> T:
        result = await self._database.write(plan)
        self._wrote(plan.__qualname__.rpartition(".")[2].strip("_"))
        return result


class _Saver(InMemorySaver):
    def __init__(self, wrote: Callable[[str], None]) -> None:
        super().__init__()
        self._wrote = wrote

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        put = await super().aput(config, checkpoint, metadata, new_versions)
        self._wrote("checkpoint")
        return put

    async def aput_writes(
        self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await super().aput_writes(config, writes, task_id, task_path)
        self._wrote("writes")


class _Journal(Journal):
    """Notes what is asked of a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.found: list[CallKey] = []
        self.stored: list[CallKey] = []

    async def find(self, key: CallKey) -> StoredReply | None:
        reply = await self._journal.find(key)
        if reply is not None:
            self.found.append(key)
        return reply

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        self.stored.append(key)
        await self._journal.store(key, agent, reply)


class CrashStore(MemoryStore):
    """A store in memory that tells of each of its writes, and can begin where another one died.

    Args:
        durable: What it begins with; nothing where it is left out.
    """

    def __init__(self, durable: Durable | None = None) -> None:
        super().__init__()
        self.on_write: Callable[[str], None] = lambda _: None
        inline = self._database
        assert isinstance(inline, InlineDatabase)
        self._connection = inline._connection  # pyright: ignore[reportPrivateUsage]
        self._copy: tuple[int, bytes] | None = None
        watched = _Database(inline, self._wrote)
        self.saver = self._saver = _Saver(self._wrote)
        self._replies = Replies(watched)
        self.minutes = self.journal = _Journal(self._replies)
        self.index = self._threads = Threads(watched)
        if durable is not None:
            self._begin_with(durable)

    def durable(self) -> Durable:
        """Return a copy of all that it holds."""
        saver, changes = self._saver, self._connection.total_changes
        if self._copy is None or self._copy[0] != changes:
            self._copy = (changes, self._connection.serialize())
        return Durable(
            self._copy[1],
            {
                thread: {space: dict(kept) for space, kept in spaces.items()}
                for thread, spaces in saver.storage.items()
            },
            {key: dict(kept) for key, kept in saver.writes.items()},
            dict(saver.blobs),
        )

    async def trim(self, thread_id: str) -> None:
        """Remove the checkpoints of subgraphs."""
        await super().trim(thread_id)
        self._wrote("trim")

    def _wrote(self, what: str) -> None:
        self.on_write(what)

    def _begin_with(self, durable: Durable) -> None:
        self._connection.deserialize(durable.database)
        for thread, spaces in durable.storage.items():
            for space, kept in spaces.items():
                self._saver.storage[thread][space] = dict(kept)
        for key, writes in durable.writes.items():
            self._saver.writes[key] = dict(writes)
        self._saver.blobs.update(durable.blobs)


class CrashStorage(Storage):
    """Where a CrashStore is."""

    url = "memory:"

    def __init__(self, durable: Durable | None = None) -> None:
        self.store = CrashStore(durable)

    async def opened(self) -> Store:
        """Return the store."""
        return self.store

    async def aclose(self) -> None:
        """Keep it."""
