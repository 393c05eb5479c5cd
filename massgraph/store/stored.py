"""What is wrong with what is stored of a thread."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends.errors import StoreError
from .base import Store
from .database import Database, Plan, Row
from .journal import Replies
from .seals import TAG, BrokenSealError, unsealed


async def found_wrong(
    store: Store,
    replies: Replies,
    database: Database,
    thread_id: str,
    stored: Sequence[str],
    parents: str,
) -> list[str]:
    """Return what is wrong: one line each, none when all is as it was written.

    Args:
        store: Where.
        replies: Its journal.
        database: The database of both.
        thread_id: The thread.
        stored: Statements that give the type and the blob of each of a thread's checkpoints and
            writes.
        parents: The statement that gives the id of each checkpoint and of its parent, in order.
    """
    wrong: list[str] = []
    checks = (
        lambda: store.index.get(thread_id) if store.index else None,
        lambda: replies.check(thread_id),
        lambda: database.read(_blobs(thread_id, stored, parents)),
        lambda: store.saver.aget_tuple({"configurable": {"thread_id": thread_id}}),
    )
    for check in checks:
        try:
            waiting = check()
            if waiting is not None:
                await waiting
        except BrokenSealError as exc:
            wrong.append(f"The thread {thread_id!r} in {store.url} is damaged: {exc}.")
        except StoreError as exc:
            wrong.append(str(exc))
    return wrong


def _blobs(thread_id: str, stored: Sequence[str], parents: str) -> Plan[None]:
    """Verify the checksum of each blob, and that each checkpoint has its parent.

    The oldest one's parent may be gone: it was pruned, or stayed with the thread that this one was
    forked from.
    """
    for sql in stored:
        rows = yield sql, (thread_id,)
        for kind, blob in rows:
            if kind == TAG:
                unsealed(blob)
    _check_parents((yield parents, (thread_id,)))


def _check_parents(rows: list[Row]) -> None:
    known: set[str] = set()
    for checkpoint_id, parent in rows:
        if known and parent is not None and parent not in known:
            raise BrokenSealError(f"the checkpoint {parent} is missing")
        known.add(checkpoint_id)
