"""Writes of a run over a server that is restarted: its hold comes first, a cut one is repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from ..backends.errors import StoreError
from ..backends.reply import StoredReply
from ..nodes.journal import CallKey
from ..nodes.log_line import LogLine
from ..nodes.state import RunOutcome
from .base import ThreadRow
from .complaints import AwayError, one_line
from .database import Database, Plan
from .index import Threads
from .journal import Replies
from .postgres_absence import PATIENCE_S, ServerAwayError
from .postgres_hold import Holds, LostHoldError
from .to_the_end import to_the_end
from .writes import Writes

logger = logging.getLogger("massgraph.store")

T = TypeVar("T")

CUT = ("08", "57P")
"""How the codes of a cut connection begin; there is none when nothing came any more.
https://www.postgresql.org/docs/16/errcodes-appendix.html"""

HURRY_S = 2.0
"""Seconds that the end of a run that was cancelled waits for the database: a person waits, too."""

NOTHING_SENT = (ServerAwayError, PoolTimeout, PoolClosed)
"""What is raised where there was no connection at all."""


async def steady(holds: Holds, thread_id: str, write: Callable[[], Awaitable[T]]) -> T:
    """Write to a thread while its hold is sure; once more when the connection was cut off.

    Nobody can tell whether the first time has arrived: `write` must do no harm twice. It looks
    itself, with `Holds.check`, whether the thread is held still once it has a connection.

    Raises:
        StoreError: When another run has the thread meanwhile, or the database fails.
    """
    was_cut = False
    while True:
        try:
            await holds.make_sure(thread_id)
            return await write()
        except LostHoldError:
            continue
        except (psycopg.OperationalError, StoreError) as exc:
            if was_cut or not _is_cut(exc):
                raise
            was_cut = True
            logger.info(LogLine("write was cut off, and is repeated", why=one_line(exc)))


def held(holds: Holds, thread_id: str, plan: Plan[T]) -> Plan[T]:
    """Run a plan that writes to a thread, if its hold is sure."""
    holds.check(thread_id)
    return (yield from plan)


def _is_cut(exc: Exception) -> bool:
    cause = exc.__cause__ if isinstance(exc, StoreError) else exc
    if not isinstance(cause, psycopg.OperationalError) or isinstance(cause, NOTHING_SENT):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(CUT)


class SteadyReplies(Replies):
    """Keeps replies over a server that is restarted: they are paid for.

    Args:
        database: Where.
        holds: Of the store.
    """

    def __init__(self, database: Database, holds: Holds) -> None:
        super().__init__(database)
        self._holds, self._writes = holds, Writes()

    async def idle(self, thread_id: str) -> None:
        """Wait until no reply of a thread is being stored."""
        await self._writes.idle(thread_id)

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        """Store a reply; a second one of the same call changes nothing.

        Whoever is cancelled meanwhile waits for a server that is away, as long as anybody does:
        what is not stored is paid for once more.
        """
        await to_the_end(self._kept(key, agent, reply), late_s=2 * PATIENCE_S)

    async def _kept(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        store = super().store
        with self._writes.counted(key.thread_id):
            await steady(self._holds, key.thread_id, lambda: store(key, agent, reply))

    def _store(self, key: CallKey, agent: str, body: str) -> Plan[None]:
        return held(self._holds, key.thread_id, super()._store(key, agent, body))


class SteadyThreads(Threads):
    """Notes how runs begin and end, over a server that is restarted.

    Args:
        database: Where.
        holds: Of the store.
    """

    def __init__(self, database: Database, holds: Holds) -> None:
        super().__init__(database)
        self._holds = holds

    async def finish(self, thread_id: str, outcome: RunOutcome, result: dict[str, Any]) -> None:
        """Note the outcome and the result of the last run; for one that was cancelled in a hurry.

        A run whose end is not stored counts as interrupted, and can be gone on with as well.
        """
        finish = super().finish
        try:
            async with asyncio.timeout(HURRY_S if outcome == "cancelled" else None):
                await steady(self._holds, thread_id, lambda: finish(thread_id, outcome, result))
        except TimeoutError as exc:
            raise AwayError(f"The database {self._database.url} does not answer.") from exc

    def _begin(self, thread_id: str, noted: dict[str, Any]) -> Plan[ThreadRow]:
        return self._begun(super()._begin(thread_id, noted))

    def _resume(self, thread_id: str) -> Plan[ThreadRow]:
        return self._begun(super()._resume(thread_id))

    def _begun(self, plan: Plan[ThreadRow]) -> Plan[ThreadRow]:
        row = yield from plan
        self._holds.begun(row)
        return row

    def _finish(self, thread_id: str, outcome: RunOutcome, result: dict[str, Any]) -> Plan[None]:
        return held(self._holds, thread_id, super()._finish(thread_id, outcome, result))
