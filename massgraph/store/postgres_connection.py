"""Connections to PostgreSQL: how they are made, and how one that says nothing is cut off."""

from __future__ import annotations

import asyncio
import logging
import selectors
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from .redacted import postgres_settings

CONNECT_TIMEOUT_S = 10
"""Seconds to wait for a connection to a server."""

ANSWER_S = 5.0
"""Seconds within which a connection that does nothing answers, or is cut off."""

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
    connection = await StoreConnection.connect(url, **options(url))
    try:
        await make_durable(connection)
    except BaseException:
        await connection.close()
        raise
    return connection


def options(url: str) -> dict[str, Any]:
    """Return what a connection is made with, beside its URL."""
    said = postgres_settings(url)
    return {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        **{name: value for name, value in DEFAULTS.items() if name not in said},
    }


async def make_durable(connection: AsyncConnection[DictRow]) -> None:
    """Have the server wait for its disk, wherever it is set up not to."""
    with answering(connection):
        await connection.execute(DURABLE)


async def check(connection: AsyncConnection[DictRow]) -> None:
    """Raise when the connection was cut off, or says nothing: it is of no use any more."""
    with answering(connection):
        await connection.execute("")


@contextmanager
def answering(connection: AsyncConnection[DictRow]) -> Generator[None]:
    """Cut a connection off when it does not answer in time.

    (Whoever cancels a statement makes psycopg wait for the server once more.)
    """
    timer = asyncio.get_running_loop().call_later(ANSWER_S, cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def cut(connection: AsyncConnection[DictRow]) -> None:
    """Cut a connection off: whoever waits for its server is told at once."""
    with (
        suppress(OSError, psycopg.OperationalError),  # it is closed already
        socket.socket(fileno=socket.dup(connection.fileno())) as ours,
    ):
        ours.shutdown(socket.SHUT_RDWR)


def has_word(connection: AsyncConnection[DictRow]) -> bool:
    """Return whether a connection that does nothing has something to say, as that it was cut off.

    It costs a system call or two, and sends nothing.
    """
    with selectors.DefaultSelector() as selector:
        try:
            selector.register(connection, selectors.EVENT_READ)
        except (psycopg.OperationalError, OSError, ValueError):  # it is closed
            return True
        return bool(selector.select(0))


def _as_detail(record: logging.LogRecord) -> bool:
    """Make a detail of what psycopg warns of our connections; what matters is raised or said."""
    told = record.args if isinstance(record.args, tuple) else ()
    ours = (isinstance(one, StoreConnection) or str(one).startswith(OURS) for one in told)
    if record.levelno == logging.WARNING and any(ours):
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
    return True


logging.getLogger("psycopg").addFilter(_as_detail)
logging.getLogger("psycopg.pool").addFilter(_as_detail)
