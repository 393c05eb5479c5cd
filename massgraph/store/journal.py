"""The journal's table: a chain of replies for each thread, verified before it is believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..backends.reply import StoredReply
from ..backends.reply_table import body_of, head_sum, reply_of_body, row_sum
from ..nodes.journal import CallKey, Journal
from .complaints import damaged
from .database import Database, Plan, Row
from .sums import NO_SUM

THREADS_KNOWN = 256
"""Threads whose chain is remembered as verified; an older one is read again when it is needed."""

PAGE = 200
"""Rows that are read at a time."""

ROWS = (
    "SELECT pos, checkpoint_ns, number, agent, at, body, sum FROM massgraph_replies "
    "WHERE thread_id = ? AND pos > ? AND pos <= ? ORDER BY pos"
)


HEAD = "SELECT replies, last, listed, sum FROM massgraph_heads WHERE thread_id = ?"

WITH_A_HEAD = """SELECT 1 FROM massgraph_replies WHERE thread_id = ?
    UNION ALL SELECT 1 FROM massgraph_threads WHERE thread_id = ? LIMIT 1"""
"""Whether a thread has replies, or a row in the list: it has a head then."""

NO_HEAD = "the head of its replies is missing"


@dataclass(slots=True)
class _Chain:
    """A thread's rows as far as they are verified.

    Args:
        count: How many there are.
        last: The sum of the last one.
        listed: 1 when the thread has a row among the threads.
        calls: A call -> its position, and the sums before and of its row.
    """

    count: int = 0
    last: str = NO_SUM
    listed: int = 0
    calls: dict[tuple[str, int], tuple[int, str, str]] = field(default_factory=dict)

    def add(self, checkpoint_ns: str, number: int, total: str) -> None:
        """Take in the next row."""
        self.count += 1
        self.calls[checkpoint_ns, number] = (self.count, self.last, total)
        self.last = total


class _BrokenError(Exception):
    """A row that is not what was written."""


class Replies(Journal):
    """Keeps replies in a database.

    The first time that a thread is asked for, its whole chain is read and verified (2 to 5 ms for a
    hundred replies of 5 kB), and from then on what has been added. So a reply is either the one
    that was stored, or an error; and none is missed for a damaged index, which would send a call
    again.

    Args:
        database: Where.
        now: Seconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now
        self._chains: dict[str, _Chain] = {}

    async def find(self, key: CallKey) -> StoredReply | None:
        """Return the reply of a call, or None when there is none."""
        body = await self._database.read(self._find(key))
        named = f"A reply of the thread {key.thread_id!r} in {self._database.url}"
        return None if body is None else reply_of_body(body, named)

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        """Store a reply; a second one of the same call changes nothing."""
        try:
            await self._database.write(self._store(key, agent, body_of(reply)))
        except BaseException:
            self._chains.pop(key.thread_id, None)  # it may hold what was undone
            raise

    async def check(self, thread_id: str) -> int:
        """Read and verify a thread's whole chain, and return how many replies it has.

        Raises:
            StoreError: When it is damaged.
        """
        self._chains.pop(thread_id, None)
        return (await self._database.read(self._chain(thread_id))).count

    def _find(self, key: CallKey) -> Plan[str | None]:
        chain = yield from self._chain(key.thread_id)
        place = chain.calls.get((key.checkpoint_ns, key.number))
        if place is None:
            return None
        pos, before, total = place
        rows = yield ROWS, (key.thread_id, pos - 1, pos)
        if len(rows) != 1 or rows[0][-1] != total or _sum(before, key.thread_id, rows[0]) != total:
            raise damaged(self._database.url, key.thread_id, _not_as_written(pos))
        body: str = rows[0][5]
        return body

    def _store(self, key: CallKey, agent: str, body: str) -> Plan[None]:
        chain = yield from self._chain(key.thread_id)
        if (key.checkpoint_ns, key.number) in chain.calls:
            return
        row = (chain.count + 1, key.checkpoint_ns, key.number, agent, self._now(), body)
        total = _sum(chain.last, key.thread_id, row)
        yield (
            "INSERT INTO massgraph_replies "
            "(thread_id, pos, checkpoint_ns, number, agent, at, body, sum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (key.thread_id, *row, total),
        )
        chain.add(key.checkpoint_ns, key.number, total)
        yield _head_saved(key.thread_id, chain)

    def _chain(self, thread_id: str) -> Plan[_Chain]:
        """Verify what is new on a thread's chain, and return the whole."""
        count, last, known = yield from self._head(thread_id)
        chain = self._chains.get(thread_id, _Chain())
        if (chain.count, chain.last) != (count, last):
            try:
                yield from self._read_on(chain, thread_id, count, last)
            except _BrokenError:
                chain = _Chain()  # the thread may have been removed and begun anew
                yield from self._verified(chain, thread_id, count, last)
        chain.listed = known
        self._remember(thread_id, chain)
        return chain

    def _remember(self, thread_id: str, chain: _Chain) -> None:
        self._chains[thread_id] = chain
        if len(self._chains) > THREADS_KNOWN:
            self._chains.pop(next(iter(self._chains)))

    def _head(self, thread_id: str) -> Plan[tuple[int, str, int]]:
        """Return how many replies a thread has, the last one's sum, and if it is listed."""
        url = self._database.url
        rows = yield HEAD, (thread_id,)
        if not rows:
            left = yield WITH_A_HEAD, (thread_id, thread_id)
            if left:
                raise damaged(url, thread_id, NO_HEAD)
            return 0, NO_SUM, 0
        count, last, known, total = rows[0]
        if total != head_sum(thread_id, count, last, known):
            raise damaged(url, thread_id, "the head of its replies is not what was written")
        return count, last, known

    def _verified(self, chain: _Chain, thread_id: str, count: int, last: str) -> Plan[None]:
        try:
            yield from self._read_on(chain, thread_id, count, last)
        except _BrokenError as exc:
            raise damaged(self._database.url, thread_id, str(exc)) from None

    def _read_on(self, chain: _Chain, thread_id: str, count: int, last: str) -> Plan[None]:
        """Take in the rows that come after a chain's last one.

        Raises:
            _BrokenError: When they are not those that were written.
        """
        more = True
        while more:
            rows = yield ROWS, (thread_id, chain.count, chain.count + PAGE)
            for row in rows:
                total = _sum(chain.last, thread_id, row)
                if row[0] != chain.count + 1 or row[-1] != total or row[0] > count:
                    raise _BrokenError(_not_as_written(chain.count + 1))
                chain.add(row[1], row[2], total)
            more = len(rows) == PAGE
        if (chain.count, chain.last) != (count, last):
            raise _BrokenError(f"{chain.count} of {count} replies are there")


def _sum(before: str, thread_id: str, row: Row) -> str:
    """Return the sum of a row: position, place, number, agent, time, body."""
    pos, checkpoint_ns, number, agent, at, body = row[:6]
    return row_sum(before, pos, (thread_id, checkpoint_ns, number), agent, at, body)


def _not_as_written(pos: int) -> str:
    return f"its reply {pos} is not what was written"


def _head_saved(thread_id: str, chain: _Chain) -> tuple[str, Row]:
    values = thread_id, chain.count, chain.last, chain.listed
    return (
        "INSERT INTO massgraph_heads (thread_id, replies, last, listed, sum) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (thread_id) DO UPDATE "
        "SET replies = excluded.replies, last = excluded.last, listed = excluded.listed, "
        "sum = excluded.sum",
        (*values, head_sum(*values)),
    )


def listed(url: str, thread_id: str, *, was: bool) -> Plan[None]:
    """Note in a thread's head that it has a row among the threads: a lost one is missed then.

    Args:
        url: The store's.
        thread_id: The thread.
        was: Whether it had a row, and so a head, before.
    """
    rows = yield HEAD, (thread_id,)
    if was and not rows:
        raise damaged(url, thread_id, NO_HEAD)
    count, last, known, total = rows[0] if rows else (0, NO_SUM, 0, None)
    if not known and total in {None, head_sum(thread_id, count, last, 0)}:
        yield _head_saved(thread_id, _Chain(count, last, 1))
