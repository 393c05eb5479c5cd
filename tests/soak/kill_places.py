"""Where threads are kept that are killed: what is stored there, seen from outside of massgraph."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import psycopg
from psycopg import sql

from ..store.server import postgres_server

DATABASE = Path("state", "massgraph", "massgraph.db")

STORED = re.compile(r"request ([0-9a-f]{16})")
"""In a reply that is stored: the request that it belongs to."""

REPLIES = "SELECT body FROM massgraph_replies WHERE thread_id = "
KNOWN = "SELECT 1 FROM massgraph_threads WHERE thread_id = "


class Place(Protocol):
    """A place where threads are kept."""

    name: str

    def words(self, number: int) -> list[str]:
        """Return the options that name the place of a trial."""
        ...

    def stored(self, thread: str, folder: Path) -> list[str]:
        """Return the digest of each request whose reply is stored."""
        ...

    def knows(self, thread: str, folder: Path) -> bool:
        """Return whether a thread is in the list of threads."""
        ...

    def locks(self, folder: Path) -> int:
        """Return how many locks are left."""
        ...


class SqlitePlace:
    """The user's own database; each trial has a user of its own."""

    name = "sqlite"

    def words(self, number: int) -> list[str]:
        """Return nothing, and now and then the same by its URL."""
        return ["--db", f"sqlite:///{DATABASE}"] if number % 3 == 2 else []

    def stored(self, thread: str, folder: Path) -> list[str]:
        """Return the digest of each request whose reply is stored."""
        return [digest for (body,) in _rows(folder, REPLIES, thread) for digest in _digests(body)]

    def knows(self, thread: str, folder: Path) -> bool:
        """Return whether a thread is in the list of threads."""
        return bool(_rows(folder, KNOWN, thread))

    def locks(self, folder: Path) -> int:
        """Return how many files of locks are left."""
        locks = (folder / DATABASE).with_name(f"{DATABASE.name}-locks")
        return len(list(locks.iterdir())) if locks.exists() else 0


def _rows(folder: Path, query: str, thread: str) -> list[tuple[str]]:
    """Return rows of a copy: whoever opens the file itself recovers and checkpoints it."""
    with tempfile.TemporaryDirectory(dir=folder) as copy:
        for file in (folder / DATABASE).parent.glob(f"{DATABASE.name}*"):
            if file.is_file() and not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        with closing(sqlite3.connect(Path(copy, DATABASE.name))) as connection:
            try:
                return connection.execute(f"{query}?", (thread,)).fetchall()
            except sqlite3.OperationalError as exc:
                if "no such table" not in str(exc):
                    raise
                return []  # it was killed before it had made its tables


class PostgresPlace:
    """A database on a server, and a new one now and then.

    Args:
        url: The server.
    """

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._server = url
        self._number = -1
        self._url = ""

    def words(self, number: int) -> list[str]:
        """Return the option with the URL of the trial's database."""
        database = f"trials{number // SHARED}"
        self._url = self._server.replace("/postgres?", f"/{quote(database)}?")
        if number // SHARED != self._number:
            self._number = number // SHARED
            with psycopg.connect(self._server, autocommit=True) as connection:
                made = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database))
                connection.execute(made)
        return ["--db", self._url]

    def stored(self, thread: str, folder: Path) -> list[str]:
        """Return the digest of each request whose reply is stored."""
        return [digest for body in self._rows(REPLIES, thread) for digest in _digests(body)]

    def knows(self, thread: str, folder: Path) -> bool:
        """Return whether a thread is in the list of threads."""
        return bool(self._rows(KNOWN, thread))

    def locks(self, folder: Path) -> int:
        """Return how many advisory locks are left."""
        with psycopg.connect(self._url) as connection:
            counted = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            row = connection.execute(counted).fetchone()
        assert row is not None
        return int(row[0])

    def _rows(self, query: str, thread: str) -> list[str]:
        with psycopg.connect(self._url) as connection:
            try:
                return [str(row[0]) for row in connection.execute(f"{query}%s".encode(), (thread,))]
            except psycopg.errors.UndefinedTable:
                return []  # it was killed before it had made its tables


SHARED = 8
"""Trials that share a database: the making of its tables is killed, too."""


def _digests(body: str) -> list[str]:
    return STORED.findall(body)[:1]


@contextmanager
def places(names: list[str]) -> Generator[list[Place]]:
    """Give places by their names; the server runs while the block runs."""
    if "postgresql" not in names:
        yield [SqlitePlace() for _ in names]
        return
    with postgres_server() as url:
        yield [PostgresPlace(url) if name == "postgresql" else SqlitePlace() for name in names]
