"""Holds in PostgreSQL whose connection is cut off: they are taken anew, or the run ends."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import psycopg
import pytest

from massgraph.backends.errors import StoreError, UserError
from massgraph.store import Store, postgres_hold, postgres_pool
from tests.store.roles import CUT_ALL, opened, tell
from tests.store.threads import fill, key, place, reply

CUT_HOLDERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"""

Write = Callable[[Store], Awaitable[object]]


async def _store_reply(store: Store) -> None:
    assert store.journal is not None
    await store.journal.store(key(7), "alice", reply("late"))


async def _put_writes(store: Store) -> None:
    found = await store.saver.aget_tuple(place())
    assert found is not None
    await store.saver.aput_writes(found.config, [("late", 1)], "task")


async def _finish(store: Store) -> None:
    assert store.index is not None
    await store.index.finish("t", "cancelled", {"answer": "late"})


WRITES: dict[str, Write] = {
    "a reply": _store_reply,
    "a checkpoint": _put_writes,
    "the end": _finish,
    "removal": lambda store: store.rm("t"),
}

COUNTS = """SELECT (SELECT count(*) FROM massgraph_replies),
    (SELECT count(*) FROM checkpoint_writes), (SELECT body FROM massgraph_threads)"""


@pytest.mark.parametrize("write", list(WRITES))
async def test_a_lost_hold_is_taken_anew(database: str, write: str) -> None:
    """Whoever writes next holds the thread first."""
    async with opened(database) as store, opened(database) as another:
        async with store.hold("t"):
            await fill(store)
            tell(database, CUT_HOLDERS)
            assert not await another.is_held("t")
            await WRITES[write](store)
            assert await another.is_held("t")
            with pytest.raises(UserError, match="A run is going on"):
                await another.hold("t").__aenter__()
        assert not await store.is_held("t")


@pytest.mark.parametrize("write", ["a reply", "a checkpoint"])
async def test_a_hold_whose_loss_is_not_said(
    database: str, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold is doubted when other connections were lost, as after a power cut of the server."""
    monkeypatch.setattr(postgres_hold, "has_word", lambda _: False)  # no packet came
    monkeypatch.setattr(postgres_pool, "GIVEN_S", 0.2)
    async with opened(database) as store, store.hold("t"):
        await fill(store)
        found = await store.saver.aget_tuple(place())
        assert found is not None
        tell(database, CUT_ALL)
        if write == "a reply":
            await _store_reply(store)
        else:
            await store.saver.aput_writes(found.config, [("late", 1)], "task")
        assert await store.is_held("t")


async def _refuse_all(store: Store) -> None:
    for write in WRITES.values():
        with pytest.raises(StoreError, match=r"'t' lost its hold.*this one ends"):
            await write(store)


async def test_a_hold_that_another_run_has_got(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that lost its thread to another one writes nothing more, nor when that has ended."""
    monkeypatch.setattr(postgres_hold, "LINGER_S", 0.0)
    async with opened(database) as store, opened(database) as another:
        await fill(store)
        with psycopg.connect(database, autocommit=True) as looking:
            before = looking.execute(COUNTS).fetchone()
            async with store.hold("t"):
                tell(database, CUT_HOLDERS)
                async with another.hold("t"):
                    await _refuse_all(store)
                await _refuse_all(store)
            assert looking.execute(COUNTS).fetchone() == before
        await fill(store, "free")


@pytest.mark.parametrize("what", ["a run", "removal"])
async def test_a_hold_that_another_run_has_had(database: str, what: str) -> None:
    """A run that lost its thread to another one ends, though that has ended before it."""
    async with opened(database) as store, opened(database) as another:
        assert store.index is not None
        async with store.hold("t"):
            await store.index.begin("t", "Why?", None)
            await _store_reply(store)
            tell(database, CUT_HOLDERS)
            async with another.hold("t"):
                await (fill(another) if what == "a run" else another.rm("t"))
            with pytest.raises(StoreError, match="lost its hold"):
                await _store_reply(store)
        assert not await another.is_held("t")


async def test_a_lost_hold_is_no_error(database: str, caplog: pytest.LogCaptureFixture) -> None:
    """When the connection of a hold was cut off, the hold ends as it does else."""
    caplog.set_level(logging.INFO, "massgraph.store")
    async with opened(database) as store:
        async with store.hold("t"):
            tell(database, CUT_ALL)
        assert "hold was lost thread=t" in caplog.text
        assert not [one for one in caplog.records if one.levelno > logging.INFO]
