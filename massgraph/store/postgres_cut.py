"""Writes whose connection is cut off, as when a server is restarted: they are repeated, once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

from ..backends.errors import StoreError
from ..backends.reply import StoredReply
from ..nodes.journal import CallKey
from ..nodes.log_line import LogLine
from .complaints import one_line
from .journal import Replies

logger = logging.getLogger("massgraph.store")

T = TypeVar("T")

CUT = ("08", "57P")
"""How the codes of a cut connection begin; there is none when nothing came any more.
https://www.postgresql.org/docs/16/errcodes-appendix.html"""


async def once_more(write: Callable[[], Awaitable[T]]) -> T:
    """Write; once more when the connection was cut off meanwhile.

    Nobody can tell whether the first time has arrived: `write` must do no harm twice.
    """
    try:
        return await write()
    except (psycopg.OperationalError, StoreError) as exc:
        if not _is_cut(exc):
            raise
        logger.info(LogLine("write was cut off, and is repeated", why=one_line(exc)))
        return await write()


def _is_cut(exc: Exception) -> bool:
    cause = exc.__cause__ if isinstance(exc, StoreError) else exc
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(CUT)


class SteadyReplies(Replies):
    """Keeps replies over a server that is restarted: they are paid for."""

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        """Store a reply; a second one of the same call changes nothing."""
        store = super().store
        await once_more(lambda: store(key, agent, reply))
