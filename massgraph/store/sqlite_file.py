"""The SQLite file: how it is made, and opened."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Literal, NamedTuple

from ..backends.errors import StoreError
from .complaints import AwayError
from .locks import FileLocks
from .paths import private_file, private_folder
from .reasons import refused
from .schema import FIRST_ROWS, SCHEMA_VERSION, TABLES
from .sqlite_database import BUSY_TIMEOUT_S, as_store_error

APPLICATION_ID = 0x6D677068
"""In the file's header: `mgph`."""

SAFE = ("cell_size_check=ON", "trusted_schema=OFF", "secure_delete=ON")
"""How each connection is set: with the last, what is removed is not in the file any more."""

OWN = ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL", "fullfsync=ON")
"""How the first one is set, which makes the file."""

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


class Connections(NamedTuple):
    """The two connections of a store; see the module `sqlite`.

    Args:
        own: For the journal and the index, in autocommit mode.
        langgraphs: For LangGraph's checkpointer, with implicit transactions.
    """

    own: sqlite3.Connection
    langgraphs: sqlite3.Connection

    def close(self) -> None:
        """Close both."""
        try:
            self.langgraphs.close()
        finally:
            self.own.close()


class SqliteFile:
    """A SQLite file of ours, in the thread that uses it.

    Args:
        path: Where it is.
        url: The same, for messages.
        locks: Beside it; one process at a time makes it what it should be.
    """

    def __init__(self, path: Path, url: str, locks: FileLocks) -> None:
        self.path, self.url, self._locks = path, url, locks

    def open(self) -> Connections:
        """Open the file, made if it is not there.

        Raises:
            StoreError: When it cannot be opened or made, or is not ours.
        """
        private_folder(self.path.parent)
        try:
            private_file(self.path)
        except OSError as exc:
            raise AwayError(
                f"The database {self.url} can't be made ({refused(exc, self.path)})."
            ) from exc
        with ExitStack() as opened:
            try:
                self._look()
                own = opened.enter_context(closing(self._connect(None)))
                with self._locks.opening():
                    self._prepare(own)
                langgraphs = opened.enter_context(closing(self._connect("DEFERRED")))
                _set(langgraphs, "synchronous=NORMAL", *SAFE)
            except sqlite3.Error as exc:
                raise as_store_error(self.url, exc) from exc
            opened.pop_all()
        return Connections(own, langgraphs)

    def _connect(self, isolation: Literal["DEFERRED"] | None) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=isolation, check_same_thread=False
        )

    def _look(self) -> None:
        """Refuse a file that is not ours before anything is changed in it, or made beside it.

        Without a `-wal` file beside it SQLite is told that nobody writes, or it would leave one.
        """
        if not self.path.stat().st_size:
            return
        alone = "" if self.path.with_name(f"{self.path.name}-wal").exists() else "&immutable=1"
        address = f"{self.path.as_uri()}?mode=ro{alone}"
        looking = sqlite3.connect(address, BUSY_TIMEOUT_S, isolation_level=None, uri=True)
        with closing(looking) as connection:
            connection.execute("BEGIN")  # one state of the file, if somebody makes it just now
            self._is_made(connection)

    def _is_made(self, connection: sqlite3.Connection) -> bool:
        """Return whether our tables are there.

        Raises:
            StoreError: When somebody else's are, or those of another version.
        """
        [mark] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if mark == APPLICATION_ID:
            if version != SCHEMA_VERSION:
                raise StoreError(
                    f"The database {self.url} is of version {version}, this massgraph knows "
                    f"{SCHEMA_VERSION}: it was made by a newer one, or is damaged."
                )
            return True
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        if mark != 0 or {name for (name,) in rows} - set(LANGGRAPHS):
            raise StoreError(
                f"The database {self.url} belongs to another program, or is damaged: name another "
                "file."
            )
        return False

    def _prepare(self, connection: sqlite3.Connection) -> None:
        _set(connection, *OWN, *SAFE)
        if self._is_made(connection):
            return
        _make_langgraphs(connection)
        connection.execute("BEGIN IMMEDIATE")
        for statement in (*TABLES, *FIRST_ROWS, *LATEST):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def _set(connection: sqlite3.Connection, *pragmas: str) -> None:
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _make_langgraphs(connection: sqlite3.Connection) -> None:
    """Make LangGraph's tables, as LangGraph makes them."""
    from langgraph.checkpoint.sqlite import SqliteSaver as Maker

    Maker(connection).setup()
