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

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosqlite
from langgraph.checkpoint.base import get_checkpoint_id
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from ..backends.errors import StoreError, UserError
from .base import Store
from .complaints import damaged, refused
from .database import Plan
from .index import Threads
from .journal import Replies
from .locks import FileLocks
from .paths import private_file, private_folder
from .per_loop import StoragePerLoop
from .saver import SealingSaver
from .schema import FIRST_ROWS, SCHEMA_VERSION, TABLES
from .seals import SealedSerializer
from .sqlite_database import BUSY_TIMEOUT_S, SqliteDatabase, as_store_error
from .stored import found_wrong
from .to_the_end import to_the_end

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, CheckpointTuple

APPLICATION_ID = 0x6D677068
"""In the file's header: `mgph`."""

SAFE = ("cell_size_check=ON", "trusted_schema=OFF", "secure_delete=ON")
"""How each connection is set: with the last, what is removed is not in the file any more."""

LATEST = (
    """CREATE TABLE massgraph_latest (
        thread_id TEXT NOT NULL PRIMARY KEY,
        checkpoint_id TEXT NOT NULL
    ) WITHOUT ROWID""",
    """INSERT INTO massgraph_latest
        SELECT thread_id, max(checkpoint_id) FROM checkpoints
        WHERE checkpoint_ns = '' GROUP BY thread_id""",
    """CREATE TRIGGER massgraph_put AFTER INSERT ON checkpoints WHEN NEW.checkpoint_ns = '' BEGIN
        DELETE FROM massgraph_latest
            WHERE thread_id = NEW.thread_id AND checkpoint_id <= NEW.checkpoint_id;
        INSERT INTO massgraph_latest SELECT NEW.thread_id, NEW.checkpoint_id
            WHERE NOT EXISTS (SELECT 1 FROM massgraph_latest WHERE thread_id = NEW.thread_id);
    END""",
    """CREATE TRIGGER massgraph_delete AFTER DELETE ON checkpoints WHEN OLD.checkpoint_ns = '' BEGIN
        DELETE FROM massgraph_latest WHERE thread_id = OLD.thread_id;
        INSERT INTO massgraph_latest SELECT thread_id, checkpoint_id FROM checkpoints
            WHERE thread_id = OLD.thread_id AND checkpoint_ns = ''
            ORDER BY checkpoint_id DESC LIMIT 1;
    END""",
)
"""Without it, a damaged index would let a thread go on from an older checkpoint."""

LANGGRAPHS = ("checkpoints", "writes")

STORED = (
    """SELECT type, checkpoint FROM checkpoints
        WHERE thread_id = ? AND checkpoint_ns = '' ORDER BY checkpoint_id""",
    "SELECT type, value FROM writes WHERE thread_id = ? AND checkpoint_ns = ''",
)

PARENTS = """SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints
    WHERE thread_id = ? AND checkpoint_ns = '' ORDER BY checkpoint_id"""


class SqliteSaver(SealingSaver, AsyncSqliteSaver):
    """LangGraph's checkpointer on SQLite, with seals and whole errors."""

    def __init__(self, url: str, connection: aiosqlite.Connection) -> None:
        super().__init__(connection, serde=SealedSerializer())
        self.url = url

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, or None.

        Raises:
            StoreError: When it cannot be read, is not what was written, or is not the newest.
        """
        place = config["configurable"]
        if get_checkpoint_id(config) or place.get("checkpoint_ns", ""):
            return await super().aget_tuple(config)
        thread_id = str(place["thread_id"])
        for _ in range(2):  # a thread may be stored to or removed between the two looks
            with self._reading(config):
                latest = await self._latest(thread_id)
            found = await super().aget_tuple(config)
            if _is_newest(found, latest):
                return found
        raise damaged(self.url, thread_id, "its newest checkpoint is missing")

    async def _latest(self, thread_id: str) -> str | None:
        sql = "SELECT checkpoint_id FROM massgraph_latest WHERE thread_id = ?"
        async with self.lock, self.conn.execute(sql, (thread_id,)) as rows:
            row = await rows.fetchone()
        return None if row is None else row[0]

    def _failure(self, exc: Exception) -> StoreError | None:
        if isinstance(exc, sqlite3.Error):
            return as_store_error(self.url, exc)
        if isinstance(exc, ValueError) and _is_closed(self.conn):
            return StoreError(f"The database {self.url} is closed.")
        return None

    def _beside(self, checkpoint: Checkpoint) -> Any:
        return None  # all of it is in the blob


def _is_closed(connection: aiosqlite.Connection) -> bool:
    return connection._connection is None  # pyright: ignore[reportPrivateUsage]


def _is_newest(found: CheckpointTuple | None, latest: str | None) -> bool:
    if found is None or latest is None:
        return found is None and latest is None
    got: str = found.config["configurable"]["checkpoint_id"]
    return got >= latest


class SqliteStore(Store):
    """An open SQLite file.

    Args:
        storage: The storage it belongs to.
        saver: LangGraph's checkpointer.
        connection: For the journal and the index.
        thread: Where `connection` is used.
    """

    def __init__(
        self,
        storage: SqliteStorage,
        saver: SqliteSaver,
        connection: sqlite3.Connection,
        thread: ThreadPoolExecutor,
    ) -> None:
        self.url, self._locks = storage.url, storage.locks
        self._saver, self._connection, self._thread = saver, connection, thread
        self._database = SqliteDatabase(self.url, connection, thread)
        self.saver = saver
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

    async def trim(self, thread_id: str) -> None:
        """Remove the checkpoints of subgraphs."""
        await self._database.write(_trimmed(thread_id))

    async def rm(self, thread_id: str) -> None:
        """Remove everything of a thread, and give the space back."""
        await self._database.write(self._removed(thread_id))
        await to_the_end(self._in_thread(self._shrink))

    async def check(self, thread_id: str) -> list[str]:
        """Return what is wrong with what is stored of a thread."""
        return await found_wrong(self, self._replies, self._database, thread_id, STORED, PARENTS)

    async def aclose(self) -> None:
        """Close both connections, and end their threads."""
        await to_the_end(self._close())

    def abandon(self) -> None:
        """Close what is open without waiting: its event loop is closed."""
        with suppress(RuntimeError):
            self._saver.conn.stop()
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    async def _close(self) -> None:
        try:
            await self._saver.conn.close()
        except sqlite3.Error as exc:
            raise as_store_error(self.url, exc) from exc
        finally:
            await self._in_thread(self._connection.close)
            self._thread.shutdown()

    async def _in_thread(self, work: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _shrink(self) -> None:
        try:
            self._connection.executescript("PRAGMA incremental_vacuum")  # runs it to its end
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
        thread = ThreadPoolExecutor(1, thread_name_prefix="massgraph-store")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(thread, self._connect)
        except BaseException:
            thread.shutdown()
            raise
        try:
            saver = SqliteSaver(self.url, await self._connect_saver())
        except BaseException:
            await loop.run_in_executor(thread, connection.close)
            thread.shutdown()
            raise
        return SqliteStore(self, saver, connection, thread)

    async def _connect_saver(self) -> aiosqlite.Connection:
        try:
            opening = aiosqlite.connect(self.path, timeout=BUSY_TIMEOUT_S)
            # Or a program that ends without closing its team would never end.
            opening._thread.daemon = True  # pyright: ignore[reportPrivateUsage]
            connection = await opening
        except sqlite3.Error as exc:
            raise as_store_error(self.url, exc) from exc
        try:
            for pragma in ("synchronous=NORMAL", *SAFE):
                await connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as exc:
            await connection.close()
            raise as_store_error(self.url, exc) from exc
        return connection

    def _connect(self) -> sqlite3.Connection:
        """Open the file, and make it what it should be; one process at a time."""
        private_folder(self.path.parent)
        try:
            private_file(self.path)
        except OSError as exc:
            raise StoreError(f"The database {self.url} can't be made ({refused(exc)}).") from exc
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            with self.locks.opening():
                self._prepare(connection)
        except sqlite3.Error as exc:
            connection.close()
            raise as_store_error(self.url, exc) from exc
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for pragma in (
            "auto_vacuum=INCREMENTAL",  # of a new file
            "journal_mode=WAL",
            "synchronous=FULL",
            "fullfsync=ON",
            *SAFE,
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        [mark] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if (mark, version) == (APPLICATION_ID, SCHEMA_VERSION):
            return
        if mark == APPLICATION_ID:
            raise StoreError(
                f"The database {self.url} is of version {version}, this massgraph knows "
                f"{SCHEMA_VERSION}: it was made by a newer one, or is damaged."
            )
        self._make_tables(connection, mark)

    def _make_tables(self, connection: sqlite3.Connection, mark: int) -> None:
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        if mark != 0 or {name for (name,) in rows} - set(LANGGRAPHS):
            raise StoreError(
                f"The database {self.url} belongs to another program, or is damaged: name another "
                "file."
            )
        _make_langgraphs(connection)
        connection.execute("BEGIN IMMEDIATE")
        for statement in (*TABLES, *FIRST_ROWS, *LATEST):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def _make_langgraphs(connection: sqlite3.Connection) -> None:
    """Make LangGraph's tables, as LangGraph makes them."""
    from langgraph.checkpoint.sqlite import SqliteSaver as Maker

    Maker(connection).setup()
