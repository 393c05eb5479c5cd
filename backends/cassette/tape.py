"""A cassette: a SQLite file with the table of stored replies, and a row for each who was recorded.

Its table of replies is that of the runs' own journal, so a run's thread plays as a cassette does.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .. import reply_table
from ..errors import MissingError, StoreError, UserError
from ..reply import StoredReply
from ..reply_table import ReplyRow
from .seat import Seat

TAKE = "cassette"
"""The thread_id of what was recorded."""

BUSY_S = 10.0
"""Seconds to wait while somebody else writes to the same file."""

_SEATS = """
    CREATE TABLE IF NOT EXISTS massgraph_seats (
        seat TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        sum TEXT NOT NULL
    ) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded call.

    Args:
        place: Where it stands among all calls of the cassette, in the order of their ends.
        after: The place before which all calls had ended when this one began, as far as is known.
        reply: What was said.
    """

    place: int
    after: int
    reply: StoredReply


@dataclass(frozen=True, slots=True)
class Part:
    """What one seat has to play.

    Args:
        seat: Who it was.
        calls: Its calls by their numbers, from 1; one that is missing was cut off.
        cuts: Whether calls that were cut are counted; in a run's thread they are not.
    """

    seat: Seat
    calls: dict[int, Recorded]
    cuts: bool


class Cassette:
    """A cassette, or the database of a run; nothing stays open.

    Args:
        path: The file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def check_free(self, name: str) -> None:
        """Check that a seat can be recorded.

        Raises:
            UserError: When it was recorded already, or the file is something else.
        """
        if not self.path.parent.is_dir():
            raise UserError(f"The folder of the cassette {self._shown} does not exist.")
        if not self.path.exists():
            return
        with self._opened("ro") as conn:
            if not _has(conn, "massgraph_seats"):
                raise UserError(f"The file {self._shown} is no cassette; give another one.")
            if _seat(conn, name) is not None:
                hint = "Remove the file, or record to another one."
                raise UserError(f"The cassette {self._shown} has {name!r} already.", hint=hint)

    def store(self, name: str, seat: Seat, replies: Iterable[tuple[int, StoredReply]]) -> None:
        """Store calls of a seat, by their numbers.

        Raises:
            StoreError: When they cannot be written, or are there already.
        """
        with self._writing() as conn:
            for number, reply in replies:
                key = (TAKE, name, number)
                if not reply_table.insert(conn, key, name, reply, time.time()):
                    raise StoreError(f"The cassette {self._shown} has call {number} of {name!r}.")
            body = seat.to_json()
            row = (name, body, reply_table.checksum(name, body))
            conn.execute("INSERT OR REPLACE INTO massgraph_seats VALUES (?, ?, ?)", row)

    def part(self, name: str, thread: str | None = None) -> Part:
        """Return what a seat has to play, all of it checked.

        Args:
            name: The seat; in a thread, the agent's id.
            thread: The thread of a run; left out, it is a cassette.

        Raises:
            UserError: When there is none, or the file is damaged.
        """
        if not self.path.is_file():
            raise MissingError(f"There is no cassette {self._shown}.")
        with self._opened("ro") as conn:
            conn.execute("BEGIN")  # what a run writes meanwhile is not seen
            if not _has(conn, "massgraph_replies"):
                raise UserError(f"The file {self._shown} is no cassette.")
            if thread is None and not _has(conn, "massgraph_seats"):
                hint = "Is it a run's database? Then name the thread, too."
                raise UserError(f"The file {self._shown} is no cassette.", hint=hint)
            rows = reply_table.rows(conn, thread or TAKE)
            seat = Seat("replay") if thread is not None else _seat(conn, name)
        if thread is not None and not rows:
            raise UserError(f"The database {self._shown} has no replies of a thread {thread!r}.")
        if seat is None or all(row.agent != name for row in rows):
            has = ", ".join(sorted({row.agent for row in rows})) or "nobody"
            raise UserError(f"The cassette {self._shown} has no {name!r}; it has: {has}.")
        calls = _in_thread(rows, name) if thread is not None else _in_take(rows, name)
        return Part(seat, calls, cuts=thread is None)

    @property
    def _shown(self) -> str:
        return repr(str(self.path))

    @contextmanager
    def _opened(self, mode: str) -> Generator[sqlite3.Connection]:
        """Open the file, and say of which one a mistake is."""
        where = f"file:{quote(str(self.path.absolute()))}?mode={mode}"
        try:
            with closing(
                sqlite3.connect(where, uri=True, timeout=BUSY_S, isolation_level=None)
            ) as conn:
                yield conn
        except (sqlite3.Error, StoreError, ValueError) as exc:
            raise UserError(f"The cassette {self._shown} cannot be used: {exc}") from exc

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """Open the file, made if it is not there, and write all of the block or nothing."""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as conn:
                conn.execute("BEGIN IMMEDIATE")
                reply_table.create(conn)
                conn.execute(_SEATS)
                yield conn
                conn.execute("COMMIT")
        except sqlite3.Error as exc:
            raise StoreError(f"The cassette {self._shown} cannot be written: {exc}.") from exc


def _has(conn: sqlite3.Connection, table: str) -> bool:
    found = conn.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None


def _seat(conn: sqlite3.Connection, name: str) -> Seat | None:
    found = conn.execute("SELECT body, sum FROM massgraph_seats WHERE seat = ?", (name,)).fetchone()
    if found is None:
        return None
    body, checksum = found
    if checksum != reply_table.checksum(name, body):
        raise StoreError(f"What it tells of {name!r} is damaged.")
    return Seat.from_json(body)


def _in_take(rows: list[ReplyRow], name: str) -> dict[int, Recorded]:
    """Return the calls of a seat of a cassette, by their numbers."""
    return {
        row.number: Recorded(place, 0, row.reply())
        for place, row in enumerate(rows)
        if row.agent == name
    }


def _in_thread(rows: list[ReplyRow], name: str) -> dict[int, Recorded]:
    """Return the calls of an agent of a run, numbered in the order of their ends."""
    calls: dict[int, Recorded] = {}
    count = Counter[str]()
    for place, row in enumerate(rows):
        if row.agent == name:
            count[name] += 1
            reply = row.reply()
            began = row.at - (reply.said[-1].at_s if reply.said else 0.0)
            after = max((n for n in range(place) if rows[n].at <= began), default=-1) + 1
            calls[count[name]] = Recorded(place, after, reply)
    return calls
