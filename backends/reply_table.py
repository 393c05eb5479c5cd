"""The table of stored replies in SQLite, and what holds it together: a chain of checksums a thread.

A run's store keeps its replies in it, and a cassette is nothing but a file with it. Each row's
checksum covers the one before it, and a head row for each thread tells how many there are, so that
whatever is changed, lost or cut off is noticed. What is pure here serves other databases, too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

from .errors import StoreError
from .reply import REPLY_VERSION, StoredReply

Key = tuple[str, str, int]
"""What a reply is known by: thread_id, checkpoint_ns, number."""

FIRST = ""
"""What stands before the first row of a thread, where the others have a checksum."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS massgraph_replies (
        seq INTEGER PRIMARY KEY,
        thread_id TEXT NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        number INTEGER NOT NULL,
        agent TEXT NOT NULL,
        at REAL NOT NULL,
        body TEXT NOT NULL,
        prev TEXT NOT NULL,
        sum TEXT NOT NULL,
        UNIQUE (thread_id, checkpoint_ns, number)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS massgraph_reply_heads (
        thread_id TEXT PRIMARY KEY,
        count INTEGER NOT NULL,
        last TEXT NOT NULL,
        sum TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)

_COLUMNS = "thread_id, checkpoint_ns, number, agent, at, body, prev, sum"
_OF_KEY = "thread_id = ? AND checkpoint_ns = ? AND number = ?"


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A row of `massgraph_replies`.

    Args:
        thread_id: The thread; in a cassette, its take.
        checkpoint_ns: The place of the call's node; in a cassette, the seat.
        number: The call's number there, from 1.
        agent: Whose call it was.
        at: When it was stored, in seconds since 1970.
        body: The reply, as JSON.
        prev: The checksum of the thread's row before it; `FIRST` in its first one.
        sum: The checksum of all that and of `prev`.
    """

    thread_id: str
    checkpoint_ns: str
    number: int
    agent: str
    at: float
    body: str
    prev: str
    sum: str

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.thread_id, self.checkpoint_ns, self.number

    @property
    def is_whole(self) -> bool:
        """Whether its checksum is right."""
        return self.sum == row_sum(self.prev, self.key, self.agent, self.at, self.body)

    def reply(self) -> StoredReply:
        """Return the reply.

        Raises:
            StoreError: When it is not what was written, or a newer massgraph wrote it.
        """
        if not self.is_whole:
            raise StoreError(f"{_named(self)} is damaged: its checksum is wrong.")
        return reply_of_body(self.body, _named(self))


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """A row of `massgraph_reply_heads`.

    Args:
        thread_id: The thread.
        count: How many replies it has.
        last: The checksum of the last one.
        sum: The checksum of all that.
    """

    thread_id: str
    count: int
    last: str
    sum: str

    @property
    def is_whole(self) -> bool:
        """Whether its checksum is right."""
        return self.sum == head_sum(self.thread_id, self.count, self.last)

    @classmethod
    def of(cls, thread_id: str, count: int, last: str) -> ReplyHead:
        """Return a head with its checksum."""
        return cls(thread_id, count, last, head_sum(thread_id, count, last))


def row_of(key: Key, agent: str, at: float, reply: StoredReply, prev: str) -> ReplyRow:
    """Return a reply as the row that follows the one with the checksum `prev`."""
    body = body_of(reply)
    return ReplyRow(*key, agent, at, body, prev, row_sum(prev, key, agent, at, body))


def row_sum(prev: str, key: Key, agent: str, at: float, body: str) -> str:
    """Return the checksum of a row, 32 hexadecimal digits."""
    return _sum(prev, *key, agent, at, body)


def head_sum(thread_id: str, count: int, last: str) -> str:
    """Return the checksum of a head, 32 hexadecimal digits."""
    return _sum(thread_id, count, last)


def body_of(reply: StoredReply) -> str:
    """Return a reply as JSON, in ASCII: halves of surrogate pairs keep well in that."""
    return json.dumps(reply.to_dict(), allow_nan=False, separators=(",", ":"))


def reply_of_body(body: str, named: str) -> StoredReply:
    """Return the reply of a row's body.

    Raises:
        StoreError: When it is none, or of a newer version; `named` begins the message.
    """
    try:
        told = json.loads(body)
        version = told.get("v") if isinstance(told, dict) else None
        if isinstance(version, int) and version > REPLY_VERSION:
            raise StoreError(f"{named} was made by a newer massgraph; read it with that one.")
        if not isinstance(told, dict):
            raise ValueError("it is no JSON object")
        return StoredReply.from_dict(told)
    except (ValueError, RecursionError) as exc:
        raise StoreError(f"{named} is damaged: {exc}.") from exc


def problems(thread_id: str, rows: Sequence[ReplyRow], head: ReplyHead | None) -> list[str]:
    """Return what is wrong with a thread's replies: a line for each problem.

    Args:
        thread_id: The thread.
        rows: Its rows, in the order in which they were written.
        head: Its head; None when there is none.
    """
    found = [
        f"{_named(row)} is damaged: its checksum is wrong." for row in rows if not row.is_whole
    ]
    before = [FIRST, *(row.sum for row in rows)]
    found += [
        f"A reply before {_named(row, 'the')} is missing, or was changed."
        for prev, row in zip(before, rows, strict=False)
        if row.prev != prev
    ]
    if head is None:
        return [*found, _lost(thread_id, len(rows), 0)] if rows else found
    if not head.is_whole:
        return [*found, f"The count of the replies of thread {thread_id!r} is damaged."]
    if head.count != len(rows):
        found.append(_lost(thread_id, len(rows), head.count))
    elif head.last != before[-1]:
        found.append(f"The last reply of thread {thread_id!r} is not the one that was written.")
    return found


def create(conn: sqlite3.Connection) -> None:
    """Create the tables, where they are not there.

    Raises:
        StoreError: When that fails.
    """
    with _told("The table of replies cannot be made"):
        for statement in SCHEMA:
            conn.execute(statement)


def insert(conn: sqlite3.Connection, key: Key, agent: str, reply: StoredReply, at: float) -> bool:
    """Store a reply, in a transaction; a second one of the same call changes nothing.

    Returns:
        Whether it is stored now: False where there was one.

    Raises:
        StoreError: When it cannot be written, or the thread's head is damaged.
    """
    with _told("A reply cannot be stored"), _transaction(conn):
        if conn.execute(f"SELECT 1 FROM massgraph_replies WHERE {_OF_KEY}", key).fetchone():
            return False
        head = _checked_head(conn, key[0]) or ReplyHead.of(key[0], 0, FIRST)
        row = row_of(key, agent, at, reply, head.last)
        conn.execute(
            f"INSERT INTO massgraph_replies ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, agent, at, row.body, row.prev, row.sum),
        )
        head = ReplyHead.of(key[0], head.count + 1, row.sum)
        conn.execute(
            "INSERT OR REPLACE INTO massgraph_reply_heads VALUES (?, ?, ?, ?)",
            (head.thread_id, head.count, head.last, head.sum),
        )
        return True


def find(conn: sqlite3.Connection, key: Key) -> StoredReply | None:
    """Return the reply of a call, or None where there is none.

    Raises:
        StoreError: When it cannot be read or is damaged, or when a reply of its thread is missing:
            it may be this one.
    """
    with _told("A reply cannot be read"):
        found = conn.execute(f"SELECT {_COLUMNS} FROM massgraph_replies WHERE {_OF_KEY}", key)
        values = found.fetchone()
        if values is not None:
            return ReplyRow(*values).reply()
        head = _checked_head(conn, key[0])
        counted = "SELECT count(*) FROM massgraph_replies WHERE thread_id = ?"
        [count] = conn.execute(counted, key[:1]).fetchone()
    if count != (head.count if head else 0):
        raise StoreError(_lost(key[0], count, head.count if head else 0))
    return None


def rows(conn: sqlite3.Connection, thread_id: str) -> list[ReplyRow]:
    """Return the rows of a thread, in the order in which they were written, unchecked.

    Raises:
        StoreError: When they cannot be read.
    """
    with _told("The replies cannot be read"):
        found = conn.execute(
            f"SELECT {_COLUMNS} FROM massgraph_replies WHERE thread_id = ? ORDER BY seq",
            (thread_id,),
        )
        return [ReplyRow(*values) for values in found]


def head(conn: sqlite3.Connection, thread_id: str) -> ReplyHead | None:
    """Return the head of a thread, unchecked; None when there is none.

    Raises:
        StoreError: When it cannot be read.
    """
    with _told("The count of replies cannot be read"):
        found = conn.execute(
            "SELECT thread_id, count, last, sum FROM massgraph_reply_heads WHERE thread_id = ?",
            (thread_id,),
        )
        values = found.fetchone()
        return None if values is None else ReplyHead(*values)


def check(conn: sqlite3.Connection, thread_id: str) -> list[str]:
    """Return what is wrong with the replies of a thread: a line for each problem.

    Raises:
        StoreError: When they cannot be read.
    """
    return problems(thread_id, rows(conn, thread_id), head(conn, thread_id))


def delete(conn: sqlite3.Connection, thread_id: str) -> None:
    """Remove the replies of a thread, in a transaction.

    Raises:
        StoreError: When that fails.
    """
    with _told("The replies cannot be removed"), _transaction(conn):
        conn.execute("DELETE FROM massgraph_replies WHERE thread_id = ?", (thread_id,))
        conn.execute("DELETE FROM massgraph_reply_heads WHERE thread_id = ?", (thread_id,))


def _checked_head(conn: sqlite3.Connection, thread_id: str) -> ReplyHead | None:
    found = head(conn, thread_id)
    if found is not None and not found.is_whole:
        raise StoreError(f"The count of the replies of thread {thread_id!r} is damaged.")
    return found


@contextmanager
def _transaction(conn: sqlite3.Connection) -> Iterator[None]:
    """Write all that the block writes, or nothing; within a transaction, it is part of that."""
    if conn.in_transaction:
        yield
        return
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


@contextmanager
def _told(failed: str) -> Iterator[None]:
    """Raise what SQLite raises as a StoreError."""
    try:
        yield
    except (sqlite3.Error, UnicodeError, TypeError) as exc:
        raise StoreError(f"{failed}: {exc}.") from exc


def _sum(*values: str | float) -> str:
    return blake2b(json.dumps(values, default=repr).encode(), digest_size=16).hexdigest()


def _named(row: ReplyRow, the: str = "The") -> str:
    return f"{the} reply {row.number} of {row.agent!r} in thread {row.thread_id!r}"


def _lost(thread_id: str, there: int, written: int) -> str:
    return f"Thread {thread_id!r} has {there} replies, and not the {written} that were written."
