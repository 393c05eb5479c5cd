"""Threads in one SQLite file: LangGraph's checkpoints, the journal and the index.

LangGraph's rows are written with `synchronous=NORMAL`: a power cut may take the last of them, and
the run goes on from the one before. The journal and the index are written on a connection of
their own with `synchronous=FULL`: they are on the disk before anybody acts on them.

What is damaged in the file is found when it is read: the replies are a chain of checksums, threads
have a sum each and one over all, checkpoints are sealed (seals.py), and triggers note the newest
checkpoint of each thread. SQLite itself refuses pages that do not fit together; its
`quick_check` reads the whole file and sees no changed value, so it is not run. Damage
to the `-wal` file cannot be told from a power cut: SQLite goes back to the last whole transaction.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from ..backends.errors import UserError
from .base import Store
from .database import Plan
from .index import Threads
from .journal import Replies
from .locks import FileLocks
from .per_loop import StoragePerLoop
from .sqlite_database import SqliteDatabase, as_store_error
from .sqlite_file import LANGGRAPHS, Connections, SqliteFile
from .sqlite_saver import SqliteSaver
from .stored import checkpoint_ids, found_wrong
from .to_the_end import to_the_end
from .work_thread import WorkThread

STORED = (
    """SELECT type, checkpoint FROM checkpoints
        WHERE thread_id = ? AND checkpoint_ns = '' ORDER BY checkpoint_id""",
    "SELECT type, value FROM writes WHERE thread_id = ? AND checkpoint_ns = ''",
)


class SqliteStore(Store):
    """An open SQLite file.

    Args:
        storage: The storage it belongs to.
        connections: To the file.
        thread: Where they are used.
    """

    def __init__(
        self, storage: SqliteStorage, connections: Connections, thread: WorkThread
    ) -> None:
        self.url, self._locks = storage.url, storage.locks
        self._connections, self._thread = connections, thread
        self._database = SqliteDatabase(connections.own, thread)
        self.saver = self._saver = SqliteSaver(connections.langgraphs, thread)
        self.journal = self._replies = Replies(self._database)
        self.index = self._threads = Threads(self._database)

    def hold(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Hold a thread while the block runs: one run at a time, in all processes."""
        return self._locks.hold(thread_id)

    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread."""
        return self._locks.is_held(thread_id)

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
        """Remove everything of a thread, and give the space back."""
        await self._database.write(self._removed(thread_id))
        await to_the_end(self._thread.do(self._shrink))

    async def check(self, thread_id: str) -> list[str]:
        """Return what is wrong with what is stored of a thread."""
        return await found_wrong(self, self._replies, self._database, thread_id, STORED)

    async def aclose(self) -> None:
        """Close both connections, and end their thread."""
        await to_the_end(self._close())

    def abandon(self) -> None:
        """Close what is open without waiting: its event loop is closed."""
        self._thread.end_after(self._connections.close)

    async def _close(self) -> None:
        try:
            await self._thread.do(self._connections.close)
        except sqlite3.Error as exc:
            raise as_store_error(self.url, exc) from exc
        finally:
            self._thread.end()

    def _shrink(self) -> None:
        try:
            self._connections.own.executescript("PRAGMA incremental_vacuum")  # runs it to its end
        except sqlite3.Error as exc:
            raise as_store_error(self.url, exc) from exc

    def _removed(self, thread_id: str) -> Plan[None]:
        for table in LANGGRAPHS:
            yield f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,)
        yield "DELETE FROM massgraph_latest WHERE thread_id = ?", (thread_id,)
        yield from self._threads.removed(thread_id)


def _trimmed(thread_id: str) -> Plan[None]:
    for table in LANGGRAPHS:
        yield f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns > ''", (thread_id,)


class SqliteStorage(StoragePerLoop):
    """Threads in one SQLite file, which only its user may read.

    Args:
        path: The file; made with its folder when it is first opened. `~` is the home folder.
        links: Whether the file may be a link.

    Raises:
        UserError: When the path is a folder.
    """

    def __init__(self, path: str | Path, *, links: bool = True) -> None:
        super().__init__()
        given = Path(path).expanduser().absolute()
        self.path = given.resolve() if links else given.parent.resolve() / given.name
        self.url = f"sqlite:///{self.path}"
        if self.path.is_dir():
            raise UserError(f"The database {self.url} is a folder: name a file.")
        self.locks = FileLocks(self.path.with_name(f"{self.path.name}-locks"))

    @property
    def key(self) -> object:
        """The file."""
        return self.path

    def __repr__(self) -> str:
        return f"SqliteStorage({str(self.path)!r})"

    async def _open(self) -> Store:
        thread = WorkThread(self.url)
        try:
            connections = await thread.do(SqliteFile(self.path, self.url, self.locks).open)
        except BaseException:
            thread.end()
            raise
        return SqliteStore(self, connections, thread)
