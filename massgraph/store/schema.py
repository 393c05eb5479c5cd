"""The tables beside LangGraph's, the same in every database."""

from __future__ import annotations

from ..backends import reply_table
from .sums import NO_SUM

SCHEMA_VERSION = 1

TABLES = (
    *reply_table.TABLES,
    """CREATE TABLE IF NOT EXISTS massgraph_threads (
        thread_id TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL,
        sum TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS massgraph_whole (
        name TEXT NOT NULL PRIMARY KEY,
        entries BIGINT NOT NULL,
        sum TEXT NOT NULL
    )""",
)
"""Replies: each row's sum covers the row before it, up to its thread's head, which tells how many
there are, the last sum, and whether the thread has a row among the threads. Threads: a row each.
Whole: how many threads there are, and the sum of their sums; and the version of the tables."""

FIRST_ROWS = (
    f"INSERT INTO massgraph_whole VALUES ('threads', 0, '{NO_SUM}') ON CONFLICT DO NOTHING",
    f"INSERT INTO massgraph_whole VALUES ('schema', {SCHEMA_VERSION}, '') ON CONFLICT DO NOTHING",
)

OF_A_THREAD = ("massgraph_replies", "massgraph_heads")
"""Where a thread has rows, but for the index."""
