"""The journal: what was stored is found, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from massgraph.backends.errors import StoreError
from massgraph.nodes.journal import CallKey
from massgraph.store import Storage, Store, open_storage
from massgraph.store.journal import Replies
from massgraph.store.sqlite_database import InlineDatabase
from tests.store.threads import key, reply
from tests.vloop import run_virtual


async def test_a_stored_reply_is_found(store: Store) -> None:
    """A reply is found by its call, and by no other call."""
    assert store.journal is not None
    await store.journal.store(key(1), "alice", reply("one"))
    assert await store.journal.find(key(1)) == reply("one")
    for other in (CallKey("t2", key(1).checkpoint_ns, 1), CallKey("t", key(1).checkpoint_ns, 2)):
        assert await store.journal.find(other) is None


async def test_a_second_reply_changes_nothing(store: Store) -> None:
    """The first reply of a call stays."""
    assert store.journal is not None
    await store.journal.store(key(1), "alice", reply("one"))
    await store.journal.store(key(1), "alice", reply("two"))
    assert await store.journal.find(key(1)) == reply("one")


async def test_any_text_is_kept(store: Store) -> None:
    """Zero bytes, lone surrogates and emoji come back as they were."""
    assert store.journal is not None
    odd = reply("a\0b\ud800c😀\n")
    await store.journal.store(key(1), "alice", odd)
    assert await store.journal.find(key(1)) == odd


async def test_many_at_once_make_one_chain(store: Store) -> None:
    """Replies that are stored at the same time are all found, by a fresh reader too."""
    assert store.journal is not None
    await asyncio.gather(*(store.journal.store(key(n), "a", reply(str(n))) for n in range(25)))
    for number in range(25):
        assert await store.journal.find(key(number)) == reply(str(number))
    assert await store.check("t") == []


async def test_what_another_has_stored_is_found(storage: Storage, store: Store) -> None:
    """A reader that has verified a thread sees what is added to it, and a thread begun anew."""
    assert store.journal is not None
    other = Replies(store.journal._database)  # type: ignore[attr-defined]
    for number in range(3):
        await other.store(key(number), "alice", reply("one"))
        assert await store.journal.find(key(number)) == reply("one")
    await store.rm("t")
    assert await other.find(key(0)) is None
    await store.journal.store(key(9), "bob", reply("anew"))
    assert await other.find(key(9)) == reply("anew")
    assert await other.find(key(1)) is None


async def test_who_is_cancelled_leaves_no_half(store: Store) -> None:
    """A cancelled write is there or not there, and the next one is not kept waiting."""
    assert store.journal is not None
    task = asyncio.create_task(store.journal.store(key(1), "alice", reply("one")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await store.journal.store(key(2), "alice", reply("two"))
    assert await store.journal.find(key(1)) in {None, reply("one")}
    assert await store.journal.find(key(2)) == reply("two")


def test_the_virtual_clock_does_not_move(tmp_path: Path) -> None:
    """Under a virtual clock the journal is asked in no time."""

    async def scenario() -> float:
        storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
        store = await storage.opened()
        assert store.journal is not None
        timer = asyncio.create_task(asyncio.sleep(100))
        began = asyncio.get_running_loop().time()
        await store.journal.store(key(1), "alice", reply("one"))
        assert await store.journal.find(key(1)) == reply("one")
        took = asyncio.get_running_loop().time() - began
        timer.cancel()
        await storage.aclose()
        return took

    assert run_virtual(scenario()) == 0


# --- damage, row by row ----------------------------------------------------------------------

COLUMNS = ("thread_id", "pos", "checkpoint_ns", "number", "agent", "at", "body", "sum")

Damage = Callable[[sqlite3.Connection], object]


def _sql(*statements: str) -> Damage:
    return lambda connection: [connection.execute(sql) for sql in statements]


DAMAGES: dict[str, Damage] = {
    **{
        f"{column} changed": _sql(
            f"UPDATE massgraph_replies SET {column} = "
            + (f"{column} + 1" if column in {"number", "at"} else f"'x' || {column}")
            + " WHERE pos = 2"
        )
        for column in COLUMNS
        if column != "pos"
    },
    "removed": _sql("DELETE FROM massgraph_replies WHERE pos = 2"),
    "last removed": _sql("DELETE FROM massgraph_replies WHERE pos = 3"),
    "all removed": _sql("DELETE FROM massgraph_replies"),
    "repeated": _sql(
        "INSERT INTO massgraph_replies SELECT thread_id, 4, checkpoint_ns, number, agent, at, "
        "body, sum FROM massgraph_replies WHERE pos = 2"
    ),
    "reordered": _sql(
        "UPDATE massgraph_replies SET pos = 9 WHERE pos = 2",
        "UPDATE massgraph_replies SET pos = 2 WHERE pos = 3",
        "UPDATE massgraph_replies SET pos = 3 WHERE pos = 9",
    ),
    "head removed": _sql("DELETE FROM massgraph_heads"),
    "head shortened": _sql("UPDATE massgraph_heads SET replies = 2"),
    "head's sum": _sql("UPDATE massgraph_heads SET last = 'x'"),
    "cut off, with its head": _sql(
        "DELETE FROM massgraph_replies WHERE pos = 3",
        "UPDATE massgraph_heads SET replies = 2, "
        "last = (SELECT sum FROM massgraph_replies WHERE pos = 2)",
    ),
    "no text": _sql("UPDATE massgraph_replies SET body = x'ff00' WHERE pos = 2"),
    "bad text": _sql("UPDATE massgraph_replies SET body = cast(x'ff00' AS TEXT) WHERE pos = 2"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
@pytest.mark.parametrize("known", [False, True], ids=["first read", "known thread"])
async def test_damage_is_told(damage: Damage, known: bool) -> None:
    """However rows were changed, a read raises or is right, and a first read always raises."""
    store = await open_storage("memory:").opened()
    assert store.journal is not None
    database: InlineDatabase = store.journal._database  # type: ignore[attr-defined]
    for number in range(3):
        await store.journal.store(key(number), "alice", reply(str(number)))
    await store.journal.store(key(0, "other"), "alice", reply("other"))
    damage(database._connection)
    journal = store.journal if known else Replies(database)
    told: list[str] = []
    for number in range(3):
        try:
            found = await journal.find(key(number))
        except StoreError as exc:
            told.append(str(exc))
        else:
            assert known
            assert found == reply(str(number))
    assert all("damaged" in line for line in told)
    fresh = Replies(database)
    with pytest.raises(StoreError, match=r"'t' in memory: is damaged|may be damaged"):
        await fresh.check("t")
    with pytest.raises(StoreError):
        await fresh.store(key(7), "alice", reply("7"))


async def test_a_newer_reply_is_told() -> None:
    """A reply of an unknown version is an error, not a missing reply."""
    store = await open_storage("memory:").opened()
    assert isinstance(store.journal, Replies)
    await store.journal._database.write(store.journal._store(key(1), "alice", '{"v": 99}'))
    with pytest.raises(StoreError, match="newer massgraph"):
        await store.journal.find(key(1))
