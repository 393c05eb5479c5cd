"""What is wrong with what is stored of a thread."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..backends.errors import StoreError
from .base import Store
from .complaints import AwayError, damaged
from .database import Database, Plan, Row
from .index import MISSING
from .journal import Replies
from .seals import TAG, BrokenSealError, unsealed

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple

T = TypeVar("T")

PARENTS = """SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints
    WHERE thread_id = ? AND checkpoint_ns = '' ORDER BY checkpoint_id"""

INNER = "SELECT metadata FROM checkpoints WHERE thread_id = ? AND checkpoint_ns > ''"
"""What lies beside the checkpoints of subgraphs; a run that is over has none."""

TURNS = "labels"
"""What the state of a run has from its first step on."""


def checkpoint_ids(thread_id: str) -> Plan[list[str]]:
    """Return the ids of a thread's checkpoints, the oldest first; none of them is opened."""
    rows = yield PARENTS, (thread_id,)
    return [checkpoint_id for checkpoint_id, _ in rows]


async def found_wrong(
    store: Store, replies: Replies, database: Database, thread_id: str, stored: Sequence[str]
) -> list[str]:
    """Return what is wrong: one line each, none when all is as it was written.

    Args:
        store: Where.
        replies: Its journal.
        database: The database of both.
        thread_id: The thread.
        stored: Statements that give the type and the blob of each of a thread's checkpoints and
            writes.

    Raises:
        AwayError: When the store cannot be used now: nothing is known then.
    """
    wrong: list[str] = []

    async def checked(check: Awaitable[T], otherwise: T) -> T:
        try:
            return await check
        except AwayError:
            raise
        except BrokenSealError as exc:
            wrong.append(str(damaged(store.url, thread_id, str(exc))))
        except StoreError as exc:
            wrong.append(str(exc))
        return otherwise

    listed = await checked(_is_listed(store, thread_id), otherwise=True)
    count = await checked(replies.check(thread_id), otherwise=0)
    await checked(database.read(_blobs(thread_id, stored)), otherwise=None)
    await checked(_check_newest(store, thread_id, listed=listed, replies=count), otherwise=None)
    return list(dict.fromkeys(wrong))


def is_of_a_run(found: CheckpointTuple) -> bool:
    """Return whether a checkpoint is a step of a run of ours; its thread is listed, then."""
    return TURNS in found.checkpoint["channel_values"]


def _blobs(thread_id: str, stored: Sequence[str]) -> Plan[None]:
    """Verify the checksum of each blob, and that each checkpoint has its parent.

    The oldest one's parent may be gone: it was pruned, or stayed with the thread that this one was
    forked from.
    """
    for sql in stored:
        rows = yield sql, (thread_id,)
        for kind, blob in rows:
            if kind == TAG:
                unsealed(blob)
    parents = yield PARENTS, (thread_id,)
    _check_parents(parents)
    inner = yield INNER, (thread_id,)
    _check_outer(inner, newest=parents[-1][0] if parents else "")


def _check_parents(rows: list[Row]) -> None:
    known: set[str] = set()
    for checkpoint_id, parent in rows:
        if known and parent is not None and parent not in known:
            raise BrokenSealError(f"the checkpoint {parent} is missing")
        known.add(checkpoint_id)


def _check_outer(rows: list[Row], newest: str) -> None:
    """Check that no checkpoint is newer than the newest: those of its subgraphs tell of it.

    A step is stored before its agents are asked, so none is lost in a crash. Without it the run
    would go on from an older one, and ask them again.
    """
    for (metadata,) in rows:
        outer = _outer(metadata)
        if outer is not None and outer > newest:
            raise BrokenSealError(f"the checkpoint {outer} is missing")


def _outer(metadata: Any) -> str | None:
    """Return the checkpoint of the whole graph that one of a subgraph was made in, if it tells."""
    try:
        told = json.loads(metadata) if isinstance(metadata, str | bytes) else metadata
        return str(told["parents"][""])
    except (ValueError, KeyError, TypeError):
        return None  # what is wrong with it is told when the subgraph is read


async def _is_listed(store: Store, thread_id: str) -> bool:
    return await store.row(thread_id) is not None


async def _check_newest(store: Store, thread_id: str, *, listed: bool, replies: int) -> None:
    """Verify the newest checkpoint, and that it is there, and listed, where it has to be."""
    if listed and replies and not await store.checkpoints(thread_id):
        raise damaged(store.url, thread_id, "its checkpoints are missing", see=None)
    place: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    newest = await store.saver.aget_tuple(place)
    if newest is not None and is_of_a_run(newest) and not listed:
        raise damaged(store.url, thread_id, MISSING, see="fork")
