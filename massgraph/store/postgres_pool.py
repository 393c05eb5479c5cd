"""Connections to PostgreSQL: how they are made, and how long a server that went is waited for."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ..nodes.log_line import LogLine
from .complaints import one_line
from .redacted import postgres_settings

logger = logging.getLogger("massgraph.store")

PATIENCE_S = 15.0
"""Seconds that a server which went away in the middle of a run is waited for.

PostgreSQL is back some seconds after it was restarted, or has crashed; what replies are under way
wait for it meanwhile. Who waits longer is better served by the error: all that was stored is kept,
and the run can be gone on with."""

RETRY_S = 0.25
"""Seconds between two looks whether it is back."""

GIVEN_S = 1.0
"""Seconds within which a pool gives a connection, or it is looked whether the server went."""

CONNECT_TIMEOUT_S = 10
"""Seconds to wait for a connection to a server."""

MAX_CONNECTIONS = 4
"""Of a store; each run that goes on has one more, which holds its thread."""

DEFAULTS = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Of a connection, where its URL does not say otherwise: a machine that is switched off, or behind
a cut cable, says no word of it, and is missed within 30 s."""

DURABLE = """SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'"""


OURS = "massgraph's for "
"""How the names of our pools begin."""


class StoreConnection(AsyncConnection[DictRow]):
    """A connection of a store."""


async def connected(url: str) -> StoreConnection:
    """Return a connection of one's own; psycopg's errors pass.

    Args:
        url: Where, with its password.
    """
    connection = await StoreConnection.connect(url, **_options(url))
    try:
        await _make_durable(connection)
    except BaseException:
        await connection.close()
        raise
    return connection


class Pool(AsyncConnectionPool[AsyncConnection[DictRow]]):
    """A store's connections; a server that is away is waited for, in all `PATIENCE_S` seconds.

    Whoever asks while it is away waits with the first one. When that was in vain, nobody waits
    again, until it is back.

    Args:
        url: Where they lead, with its password.
        shown: The same without, for messages.
    """

    def __init__(self, url: str, shown: str) -> None:
        super().__init__(
            url,
            connection_class=StoreConnection,
            kwargs=_options(url),
            min_size=1,
            max_size=MAX_CONNECTIONS,
            open=False,
            name=f"{OURS}{shown}",
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=RETRY_S,
            configure=_make_durable,
            check=_check,
        )
        self._url, self._shown = url, shown
        self._missed_at: float | None = None

    async def getconn(  # psycopg's own signature
        self,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncConnection[DictRow]:
        """Return a connection that answers.

        Raises:
            psycopg.OperationalError: When the server is away for too long.
            PoolTimeout: When there is no connection within `timeout` seconds, though it is there.
        """
        if self._missed_at is None:
            try:
                return await super().getconn(GIVEN_S)
            except PoolTimeout:
                pass  # slow, or away
        await self._wait_for_server()
        return await super().getconn(timeout)

    async def _wait_for_server(self) -> None:
        while True:
            try:
                await (await connected(self._url)).close()
            except psycopg.OperationalError as exc:
                if time.monotonic() - self._missed(exc) > PATIENCE_S:
                    raise
            else:
                if self._missed_at is not None:
                    logger.info(LogLine("database is back", url=self._shown))
                self._missed_at = None
                return
            await asyncio.sleep(RETRY_S)

    def _missed(self, exc: psycopg.OperationalError) -> float:
        """Return when the server was first missed; warn the first time."""
        if self._missed_at is None:
            self._missed_at = time.monotonic()
            logger.warning(
                "The database %s can't be reached; waiting %g s for it.", self._shown, PATIENCE_S
            )
            logger.info(LogLine("database is away", url=self._shown, why=one_line(exc)))
        return self._missed_at


def _options(url: str) -> dict[str, Any]:
    said = postgres_settings(url)
    return {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        **{name: value for name, value in DEFAULTS.items() if name not in said},
    }


async def _check(connection: AsyncConnection[DictRow]) -> None:
    """Raise when the connection was cut off: the pool makes another one then."""
    await connection.execute("")


async def _make_durable(connection: AsyncConnection[DictRow]) -> None:
    await connection.execute(DURABLE)


def _as_detail(record: logging.LogRecord) -> bool:
    """Make a detail of what psycopg warns of our connections; what matters is raised or said."""
    told = record.args if isinstance(record.args, tuple) else ()
    ours = (isinstance(one, StoreConnection) or str(one).startswith(OURS) for one in told)
    if record.levelno == logging.WARNING and any(ours):
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
    return True


for name in ("psycopg", "psycopg.pool"):
    logging.getLogger(name).addFilter(_as_detail)
