"""A store's connections to PostgreSQL, over a server that is restarted."""

from __future__ import annotations

import asyncio
import time

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from .postgres_absence import Absence
from .postgres_connection import (
    CONNECT_TIMEOUT_S,
    OURS,
    StoreConnection,
    check,
    connected,
    make_durable,
    options,
)

RETRY_S = 0.25
"""Seconds between two looks whether a server is back."""

GIVEN_S = 1.0
"""Seconds within which a pool gives a connection, or it is looked whether the server went."""

MAX_CONNECTIONS = 4
"""Of a store; each run that goes on has one more, which holds its thread."""

LOST = ("connections_lost", "returns_bad")
"""What psycopg's pool counts: connections that were found cut off, or given back so."""


class Pool(AsyncConnectionPool[AsyncConnection[DictRow]]):
    """A store's connections; a server that is away is waited for (see `Absence`).

    Args:
        url: Where, with its password.
        shown: The same without, for messages.
    """

    def __init__(self, url: str, shown: str) -> None:
        super().__init__(
            url,
            connection_class=StoreConnection,
            kwargs=options(url),
            min_size=1,
            max_size=MAX_CONNECTIONS,
            open=False,
            name=f"{OURS}{shown}",
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=RETRY_S,
            configure=make_durable,
            check=check,
        )
        self.url = shown
        self._url = url
        self._absence = Absence(shown)

    @property
    def losses(self) -> int:
        """How many connections were lost so far; as long as it stays, all may be well."""
        stats = self.get_stats()
        return sum(stats.get(name, 0) for name in LOST)

    async def getconn(  # psycopg's own signature
        self,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncConnection[DictRow]:
        """Return a connection that answers: the pool's, as long as it has one to give.

        Raises:
            ServerAwayError: When it has none, and the server is away for too long.
            PoolTimeout: When it has none within `timeout` seconds, though the server is there.
        """
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        with self._absence.waited_for():
            while True:
                try:
                    return await super().getconn(RETRY_S if self._absence.goes_on else GIVEN_S)
                except PoolTimeout:
                    if await self._is_there() and time.monotonic() > until:
                        raise

    async def own(self) -> StoreConnection:
        """Return a connection beside those of the pool; a server that is away is waited for.

        Raises:
            ServerAwayError: When it is away for too long.
        """
        with self._absence.waited_for():
            while (connection := await self._looked_for()) is None:  # noqa: ASYNC110 - a server
                await asyncio.sleep(RETRY_S)
            return connection

    async def _is_there(self) -> bool:
        connection = await self._looked_for()
        if connection is None:
            return False
        await connection.close()
        return True

    async def _looked_for(self) -> StoreConnection | None:
        """Return a new connection; None where there is none, and the server is waited for."""
        self._absence.check()
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(self._absence.left_s, RETRY_S)):
                connection = await connected(self._url)
        except psycopg.OperationalError as exc:
            self._absence.miss(exc, began)
            return None
        except TimeoutError:
            self._absence.miss(psycopg.errors.ConnectionTimeout("it does not answer"), began)
            return None
        self._absence.end()
        return connection
