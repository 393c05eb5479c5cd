"""The table of stored replies: a chain of checksums for each thread, in any SQL database.

A run's store keeps its replies in it, and a cassette is nothing but a SQLite file with it. Each
row's checksum covers the row before it, and a head for each thread tells how many rows there are,
so that whatever is changed, lost or cut off is noticed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

from .errors import StoreError
from .reply import REPLY_VERSION, StoredReply

Key = tuple[str, str, int]
"""What a reply is known by: thread_id, checkpoint_ns, number."""

NO_SUM = "0" * 32
"""What stands before the first row of a thread, where the others have a checksum."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS massgraph_replies (
        thread_id TEXT NOT NULL,
        pos BIGINT NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        number BIGINT NOT NULL,
        agent TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        body TEXT NOT NULL,
        sum TEXT NOT NULL,
        PRIMARY KEY (thread_id, pos)
    )""",
    """CREATE TABLE IF NOT EXISTS massgraph_heads (
        thread_id TEXT NOT NULL PRIMARY KEY,
        replies BIGINT NOT NULL,
        last TEXT NOT NULL,
        listed BIGINT NOT NULL,
        sum TEXT NOT NULL
    )""",
)
"""The replies, and the heads of their threads; the same in every database."""


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """A row of `massgraph_replies`.

    Args:
        thread_id: The thread; in a cassette, always the same one.
        pos: Its position in the thread, from 1.
        checkpoint_ns: The place of the call's node; in a cassette, the seat.
        number: The call's number there, from 1.
        agent: Whose call it was.
        at: When it was stored, in seconds since 1970.
        body: The reply, as JSON.
        sum: The checksum of the row before it and of all that.
    """

    thread_id: str
    pos: int
    checkpoint_ns: str
    number: int
    agent: str
    at: float
    body: str
    sum: str

    def follows(self, before: str) -> bool:
        """Return whether its checksum is right, after a row with the checksum `before`."""
        key = self.thread_id, self.checkpoint_ns, self.number
        return self.sum == row_sum(before, self.pos, key, self.agent, self.at, self.body)

    def reply(self) -> StoredReply:
        """Return the reply.

        Raises:
            StoreError: When it is none, or a newer massgraph wrote it.
        """
        return reply_of_body(self.body, f"The reply {self.pos} of the thread {self.thread_id!r}")


@dataclass(frozen=True, slots=True)
class Head:
    """A row of `massgraph_heads`.

    Args:
        thread_id: The thread.
        replies: How many replies it has.
        last: The checksum of the last one; NO_SUM where there is none.
        listed: 1 where the thread has a row among a store's threads, else 0.
        sum: The checksum of all that.
    """

    thread_id: str
    replies: int
    last: str
    listed: int
    sum: str

    @property
    def is_whole(self) -> bool:
        """Whether its checksum is right."""
        return self.sum == head_sum(self.thread_id, self.replies, self.last, self.listed)


def checksum(*parts: object) -> str:
    """Return the checksum of some values, each bounded by its length: 32 hexadecimal digits."""
    found = blake2b(digest_size=16)
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        found.update(b"%d:" % len(data))
        found.update(data)
    return found.hexdigest()


def row_sum(before: str, pos: int, key: Key, agent: str, at: float, body: str) -> str:
    """Return the checksum of a reply's row, after a row with the checksum `before`."""
    thread_id, checkpoint_ns, number = key
    return checksum(before, thread_id, pos, checkpoint_ns, number, agent, at, body)


def head_sum(thread_id: str, replies: int, last: str, listed: int) -> str:
    """Return the checksum of a thread's head."""
    return checksum(thread_id, replies, last, listed)


def body_of(reply: StoredReply) -> str:
    """Return a reply as JSON, in ASCII: halves of surrogate pairs keep well in that."""
    return json.dumps(reply.to_dict(), separators=(",", ":"))


def reply_of_body(body: str, named: str) -> StoredReply:
    """Return the reply of a row's body.

    Args:
        body: The body.
        named: What it is called in messages, which begin with that.

    Raises:
        StoreError: When it is none, or of a newer version.
    """
    try:
        told = json.loads(body)
        version = told.get("v") if isinstance(told, dict) else None
        if isinstance(version, int) and version > REPLY_VERSION:
            raise StoreError(f"{named} was made by a newer massgraph: read it with that one.")
        if not isinstance(told, dict):
            raise ValueError("no JSON object")
        return StoredReply.from_dict(told)
    except (ValueError, RecursionError) as exc:
        raise StoreError(f"{named} is damaged: {exc}.") from exc


def problems(thread_id: str, rows: Sequence[ReplyRow], head: Head | None) -> list[str]:
    """Return what is wrong with a thread's replies: a line for each problem.

    Args:
        thread_id: The thread.
        rows: Its rows, by their positions.
        head: Its head; None when there is none.
    """
    found: list[str] = []
    before = NO_SUM
    for pos, row in enumerate(rows, 1):
        if row.pos != pos or not row.follows(before):
            found.append(f"Reply {pos} of the thread {thread_id!r} is not what was written.")
        before = row.sum
    if head is None:
        return [*found, f"The head of the thread {thread_id!r} is missing."] if rows else found
    if not head.is_whole:
        found.append(f"The head of the thread {thread_id!r} is not what was written.")
    elif head.replies != len(rows) or head.last != before:
        there = f"{len(rows)} of the {head.replies} replies that were written are there"
        found.append(f"Of the thread {thread_id!r}, {there}.")
    return found


# --- in SQLite -------------------------------------------------------------------------------


def create(conn: sqlite3.Connection) -> None:
    """Create the tables, where they are not there.

    Raises:
        StoreError: When that fails.
    """
    with _told("The tables of replies cannot be made"):
        for table in TABLES:
            conn.execute(table)


def insert(conn: sqlite3.Connection, key: Key, agent: str, reply: StoredReply, at: float) -> bool:
    """Store a reply; a second one of the same call changes nothing.

    Args:
        conn: A connection, within a transaction that is to be committed.
        key: The call.
        agent: Whose it is.
        reply: The reply.
        at: The time, in seconds since 1970.

    Returns:
        Whether it is stored now: False where there was one.

    Raises:
        StoreError: When it cannot be written, or the thread's head is damaged.
    """
    with _told("A reply cannot be stored"):
        of_key = "thread_id = ? AND checkpoint_ns = ? AND number = ?"
        if conn.execute(f"SELECT 1 FROM massgraph_replies WHERE {of_key}", key).fetchone():
            return False
        head = _head(conn, key[0])
        if head is not None and not head.is_whole:
            raise StoreError(problems(key[0], (), head)[0])
        count, before, listed = (head.replies, head.last, head.listed) if head else (0, NO_SUM, 0)
        pos = count + 1
        body = body_of(reply)
        last = row_sum(before, pos, key, agent, at, body)
        row = (key[0], pos, *key[1:], agent, at, body, last)
        conn.execute("INSERT INTO massgraph_replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        conn.execute(
            "INSERT OR REPLACE INTO massgraph_heads VALUES (?, ?, ?, ?, ?)",
            (key[0], pos, last, listed, head_sum(key[0], pos, last, listed)),
        )
        return True


def rows(conn: sqlite3.Connection, thread_id: str) -> list[ReplyRow]:
    """Return the replies of a thread by their positions, all of them verified.

    Raises:
        StoreError: When they cannot be read, or are not those that were written.
    """
    with _told("The replies cannot be read"):
        found = conn.execute(
            "SELECT thread_id, pos, checkpoint_ns, number, agent, at, body, sum "
            "FROM massgraph_replies WHERE thread_id = ? ORDER BY pos",
            (thread_id,),
        )
        read = [ReplyRow(*values) for values in found]
        wrong = problems(thread_id, read, _head(conn, thread_id))
    if wrong:
        raise StoreError(wrong[0])
    return read


def _head(conn: sqlite3.Connection, thread_id: str) -> Head | None:
    found = conn.execute(
        "SELECT thread_id, replies, last, listed, sum FROM massgraph_heads WHERE thread_id = ?",
        (thread_id,),
    )
    values = found.fetchone()
    return None if values is None else Head(*values)


@contextmanager
def _told(failed: str) -> Generator[None]:
    """Raise what SQLite raises as a StoreError."""
    try:
        yield
    except (sqlite3.Error, UnicodeError, TypeError) as exc:
        raise StoreError(f"{failed}: {exc}.") from exc
