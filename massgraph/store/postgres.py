"""Threads in PostgreSQL: LangGraph's checkpoints, the journal and the index.

It needs the extra `postgres`. psycopg's asynchronous connections do not run on Windows' default
event loop: take `asyncio.SelectorEventLoop` there. A thread is held by an advisory lock of a
session: behind a pooler that hands out connections by transaction (PgBouncer's `transaction` mode)
the hold is lost. A hold whose connection is cut off is lost as well, and taken anew before the
run's next write; what two runs would write to one thread's journal still makes one chain.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from ..backends.errors import MissingError
from .base import Store
from .per_loop import StoragePerLoop
from .redacted import postgres_settings, redacted

if TYPE_CHECKING:
    from .postgres_connection import StoreConnection

PACKAGES = ("psycopg", "psycopg_pool", "langgraph.checkpoint.postgres")


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

    async def connect(self) -> StoreConnection:
        """Return a connection of one's own.

        Raises:
            StoreError: When the server cannot be reached.
        """
        from .postgres_complaints import telling
        from .postgres_connection import connected

        async with telling(self.url):
            return await connected(self._url)

    async def _open(self) -> Store:
        from .postgres_pool import Pool
        from .postgres_store import PostgresStore
        from .postgres_tables import set_up

        async with await self.connect() as connection:
            await set_up(self.url, connection)
        pool = Pool(self._url, self.url)
        await pool.open()
        return PostgresStore(pool)


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
