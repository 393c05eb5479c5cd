"""The list of threads."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from massgraph.backends.errors import StoreError, UserError
from massgraph.store import Store, open_storage
from massgraph.store.index import Threads


async def test_a_threads_life(store: Store) -> None:
    """A thread begins, is gone on with, ends, and is asked again."""
    assert store.index is not None
    begun = await store.index.begin("t", "Why?\0\ud800", '{"agents": 2}')
    assert (begun.status, begun.runs, begun.attempts, begun.result) == ("running", 1, 1, None)
    await store.index.finish("t", "cancelled", {"duration_s": 3.0})
    resumed = await store.index.resume("t")
    assert (resumed.status, resumed.attempts) == ("running", 2)
    assert resumed.result == {"duration_s": 3.0}, "what it had is known while it goes on"
    await store.index.finish("t", "settled", {"answer": "So."})
    ended = await store.index.get("t")
    assert ended is not None
    assert (ended.status, ended.result, ended.attempts) == ("settled", {"answer": "So."}, 2)
    assert ended.question == "Why?\0\ud800"
    again = await store.index.begin("t", "And?", None)
    assert (again.runs, again.attempts, again.result, again.question) == (2, 1, None, "And?")
    assert again.created == begun.created


async def test_the_last_changed_comes_first(store: Store) -> None:
    """Threads are listed by their last change, and only as many as asked for."""
    assert store.index is not None
    for name in ("a", "b", "c"):
        await store.index.begin(name, "Why?", None)
    await store.index.finish("a", "failed", {})
    assert [row.thread_id for row in await store.index.ls()] == ["a", "c", "b"]
    assert [row.thread_id for row in await store.index.ls(limit=2)] == ["a", "c"]


async def test_a_fork_knows_where_it_is_from(store: Store) -> None:
    """A fork is a thread of its own, and takes no other's place."""
    assert store.index is not None
    row = await store.index.begin("t", "Why?", "{}")
    await store.index.finish("t", "settled", {})
    await store.index.fork("f", row)
    fork = await store.index.get("f")
    assert fork is not None
    assert (fork.forked_from, fork.status, fork.question) == ("t", "running", "Why?")
    with pytest.raises(UserError, match="already"):
        await store.index.fork("t", fork)


async def test_a_thread_that_is_not_there(store: Store) -> None:
    """What is not there is None, and cannot go on."""
    assert store.index is not None
    assert await store.index.get("t") is None
    with pytest.raises(UserError, match="no thread 't'"):
        await store.index.resume("t")
    await store.rm("t")
    assert await store.index.ls() == []


async def test_removed_threads_are_gone(store: Store) -> None:
    """A removed thread leaves nothing, and the others stay."""
    assert store.index is not None
    for name in ("a", "b"):
        await store.index.begin(name, "Why?", None)
    await store.rm("a")
    assert [row.thread_id for row in await store.index.ls()] == ["b"]
    assert (await store.index.begin("a", "Why?", None)).runs == 1


DAMAGES = {
    "body": "UPDATE massgraph_threads SET body = replace(body, 'Why', 'Who') WHERE thread_id = 't'",
    "sum": "UPDATE massgraph_threads SET sum = 'x' WHERE thread_id = 't'",
    "renamed": "UPDATE massgraph_threads SET thread_id = 'u' WHERE thread_id = 't'",
    "removed": "DELETE FROM massgraph_threads WHERE thread_id = 't'",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
async def test_damage_is_told(damage: str) -> None:
    """A changed or lost row is an error for its thread, and the list tells it; others go on."""
    store = await open_storage("memory:").opened()
    assert isinstance(store.index, Threads)
    connection: sqlite3.Connection = store.index._database._connection  # type: ignore[attr-defined]
    for name in ("t", "other"):
        await store.index.begin(name, "Why?", None)
    connection.execute(damage)
    for read in (store.index.get("t"), store.index.resume("t")):
        with pytest.raises(StoreError, match="damaged"):
            await read
    [broken, whole] = await store.index.ls()
    assert broken.thread_id == ("u" if "'u'" in damage else "t")
    assert ("is missing" if "DELETE" in damage else "is not what was written") in str(broken.damage)
    assert (whole.thread_id, whole.question, whole.damage) == ("other", "Why?", None)
    with pytest.raises(StoreError, match="damaged"):
        await store.index.begin("t", "Who?", None)
    other = await store.index.resume("other")
    assert other.attempts == 2


async def test_damage_is_not_stored() -> None:
    """What is said of a row is no part of it."""
    store = await open_storage("memory:").opened()
    assert isinstance(store.index, Threads)
    row = await store.index.begin("t", "Why?", None)
    await store.index.fork("u", dataclasses.replace(row, damage="what was read"))
    assert [one.damage for one in await store.index.ls()] == [None, None]


async def test_a_row_and_its_head_that_are_lost_no_longer_count() -> None:
    """When what is left of the thread is removed, the list is whole again."""
    store = await open_storage("memory:").opened()
    assert isinstance(store.index, Threads)
    connection: sqlite3.Connection = store.index._database._connection  # type: ignore[attr-defined]
    for name in ("t", "other"):
        await store.index.begin(name, "Why?", None)
    for table in ("threads", "heads"):
        connection.execute(f"DELETE FROM massgraph_{table} WHERE thread_id = 't'")
    with pytest.raises(StoreError, match="1 are there of 2"):
        await store.index.ls()
    await store.rm("t")
    assert [row.thread_id for row in await store.index.ls()] == ["other"]


@pytest.mark.parametrize("damage", ["body", "sum", "renamed", "removed"])
async def test_a_damaged_thread_can_be_removed(damage: str) -> None:
    """Removing the damaged thread mends the list."""
    store = await open_storage("memory:").opened()
    assert isinstance(store.index, Threads)
    connection: sqlite3.Connection = store.index._database._connection  # type: ignore[attr-defined]
    for name in ("t", "other"):
        await store.index.begin(name, "Why?", None)
    connection.execute(DAMAGES[damage])
    for name in ("u", "t") if damage == "renamed" else ("t",):
        assert name in [row.thread_id for row in await store.index.ls() if row.damage]
        await store.rm(name)
    assert [row.thread_id for row in await store.index.ls()] == ["other"]


async def test_rows_that_are_lost_are_mended_one_by_one() -> None:
    """Removing one of two damaged threads does not hide the other."""
    store = await open_storage("memory:").opened()
    assert isinstance(store.index, Threads)
    connection: sqlite3.Connection = store.index._database._connection  # type: ignore[attr-defined]
    for name in ("t", "u", "other"):
        await store.index.begin(name, "Why?", None)
    connection.execute("DELETE FROM massgraph_threads WHERE thread_id <> 'other'")
    for name in ("t", "u"):
        assert name in [row.thread_id for row in await store.index.ls() if row.damage]
        await store.rm(name)
    assert [(row.thread_id, row.damage) for row in await store.index.ls()] == [("other", None)]
