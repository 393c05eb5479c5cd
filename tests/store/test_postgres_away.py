"""A PostgreSQL server that is away, full, or says nothing: it is waited for, never without end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from massgraph.backends.errors import StoreError
from massgraph.cli import main
from massgraph.store import (
    Store,
    postgres_absence,
    postgres_connection,
    postgres_database,
    postgres_pool,
)
from tests.store.roles import LEAVING, come_back, leave, opened, role, tell
from tests.store.server import own_server
from tests.store.threads import fill, key, place, reply

SOON_S = 8.0
"""Seconds within which what is not to wait is done, on the busiest machine."""

TEAM = """\
agents:
  - id: alice
    backend: {type: scripted, turns: [{new_answer: Paris}]}
policy: {single: coordinate}
"""

WAIT_FOR_42 = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(42);
        RETURN NEW;
    END $$;
    CREATE TRIGGER waiting BEFORE INSERT ON massgraph_replies FOR EACH ROW EXECUTE FUNCTION wait();
"""
"""Has whoever stores a reply wait for the lock 42."""

OTHERS = (
    "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a moment only."""
    monkeypatch.setattr(postgres_absence, "PATIENCE_S", 0.4)
    monkeypatch.setattr(postgres_pool, "GIVEN_S", 0.2)
    monkeypatch.setattr(postgres_pool, "RETRY_S", 0.05)
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.2)
    monkeypatch.setattr(postgres_database, "ANSWER_S", 0.2)


@pytest.fixture
def patient(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for long."""
    monkeypatch.setattr(postgres_absence, "PATIENCE_S", 30.0)


@pytest.fixture
def person(database: str) -> Iterator[str]:
    """The URL of an empty database, as a user sees it for whom the server can be gone."""
    with role(database, "person") as url:
        yield url


def storing(store: Store, number: int = 7) -> Coroutine[Any, Any, None]:
    """Store a reply of the thread `t`."""
    assert store.journal is not None
    return store.journal.store(key(number), "alice", reply("text"))


async def ended(task: asyncio.Task[Any]) -> bool:
    """Return whether a task ends soon, however it does."""
    return bool((await asyncio.wait({task}, timeout=SOON_S))[0])


async def refused(store: Store) -> None:
    """Store a reply where the server is gone, and be told."""
    with pytest.raises(StoreError, match=r"can't be reached: .* not permitted to log in"):
        await storing(store)


async def test_a_server_that_went(
    person: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is waited for once, with one warning; then nobody even looks, until it is back."""
    caplog.set_level(logging.INFO, "massgraph.store")
    looks: list[str] = []
    connected = postgres_connection.connected

    async def counted(url: str) -> postgres_connection.StoreConnection:
        looks.append(url)
        return await connected(url)

    monkeypatch.setattr(postgres_pool, "connected", counted)
    async with opened(person) as store:
        await fill(store)
        leave(database)
        await refused(store)
        assert len(looks) > 1
        looks.clear()
        for _ in range(3):
            await refused(store)
        assert looks == []
        monkeypatch.setattr(postgres_absence, "FRESH_S", 0.0)
        come_back(database)
        await fill(store, "new")
        assert await store.check("new") == []
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert warned == [f"The database {store.url} can't be reached; waiting 0.4 s for it."]
    assert "write was cut off" not in caplog.text


@pytest.mark.usefixtures("patient")
async def test_a_full_server(database: str) -> None:
    """What waits for the one connection there is gets it, though the server gives no other one."""
    tell(database, "CREATE ROLE one LOGIN CONNECTION LIMIT 1", "GRANT ALL ON SCHEMA public TO one")
    try:
        async with opened(database.replace("postgres:unasked@", "one@")) as store:
            await fill(store)
            with psycopg.connect(database) as other:
                other.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
                reading = asyncio.create_task(store.saver.aget_tuple(place()))
                await asyncio.sleep(0.1)
                writing = asyncio.create_task(storing(store))
                await asyncio.sleep(0.4)
            assert await reading is not None
            assert await ended(writing)
            await writing
    finally:
        tell(database, "DROP OWNED BY one CASCADE", "DROP ROLE one")


@contextmanager
def frozen(database: str) -> Generator[None]:
    """Stop the processes of all other connections while the block runs."""
    with psycopg.connect(database) as other:
        pids = [pid for (pid,) in other.execute(OTHERS)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("patient")
async def test_a_connection_that_says_nothing(database: str) -> None:
    """It is cut off, and another one takes its place."""
    async with opened(database) as store:
        await fill(store)
        with frozen(database):
            writing = asyncio.create_task(storing(store))
            assert await ended(writing)
            await writing


async def test_cancelled_while_nothing_is_said(database: str) -> None:
    """Who is cancelled in the middle of a transaction waits for its end, but not for long."""
    async with opened(database) as store:
        await fill(store)
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE massgraph_threads IN ACCESS EXCLUSIVE MODE")
            assert store.index is not None
            waiting = asyncio.create_task(store.index.finish("t", "settled", {}))
            await asyncio.sleep(0.1)
            waiting.cancel()
            assert await ended(waiting)


@pytest.mark.usefixtures("patient")
async def test_cancelled_while_the_server_is_away(person: str, database: str) -> None:
    """Reads, the index and checkpoints are given up at once; a reply is paid for, and waits."""
    async with opened(person) as store:
        await fill(store)
        assert store.index is not None
        assert store.journal is not None
        config = await store.saver.aget_tuple(place())
        assert config is not None
        leave(database)
        paid = asyncio.create_task(storing(store))
        others: list[asyncio.Task[Any]] = [
            asyncio.create_task(store.journal.find(key(0))),
            asyncio.create_task(store.index.finish("t", "settled", {})),
            asyncio.create_task(store.saver.aput_writes(config.config, [("x", 1)], "task")),
        ]
        await asyncio.sleep(0.1)
        for task in (paid, *others):
            task.cancel()
        for task in others:
            assert await ended(task)
        idle = asyncio.create_task(store.idle("t"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not paid.done()
        assert not idle.done()
        come_back(database)
        assert await ended(idle)
        assert await ended(paid)
        assert await store.journal.find(key(7)) == reply("text")


@pytest.mark.usefixtures("patient")
async def test_the_end_of_a_cancelled_run(
    person: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted in a hurry, or not at all."""
    from massgraph.store import postgres_cut

    monkeypatch.setattr(postgres_cut, "HURRY_S", 0.1)
    async with opened(person) as store:
        await fill(store)
        leave(database)
        assert store.index is not None
        noting = asyncio.create_task(store.index.finish("t", "cancelled", {}))
        assert await ended(noting)
        with pytest.raises(StoreError, match="does not answer"):
            await noting
        come_back(database)


@pytest.mark.usefixtures("patient")
async def test_a_new_run_waits_as_well(person: str, database: str) -> None:
    """Who takes a thread while the server is away gets it when the server is back."""
    async with opened(person) as store:
        leave(database)
        held = asyncio.Event()

        async def run() -> None:
            async with store.hold("t"):
                held.set()

        running = asyncio.create_task(run())
        await asyncio.sleep(0.1)
        assert not running.done()
        come_back(database)
        await asyncio.wait_for(running, SOON_S)
        assert held.is_set()


async def test_a_run_whose_server_went(
    person: str,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It says once that it waits, once what is wrong, and how to go on; its status is 1."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "team.yaml").write_text(TEAM)
    async with opened(person):
        tell(database, WAIT_FOR_42)
    words = ("run", "-c", f"{tmp_path}/team.yaml", "--thread", "t", "--db", person, "Why?")
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(42)")
        watching = threading.Thread(target=_leave_within_a_write, args=(other,), daemon=True)
        watching.start()
        with pytest.raises(SystemExit) as left:
            await asyncio.to_thread(main, words)
        watching.join(SOON_S)
    assert left.value.code == 1
    err = capfd.readouterr().err
    said = [line for line in err.splitlines() if line.startswith("massgraph: ")]
    assert [line.split()[1] for line in said] == ["warning:", "error:", "what"], err
    assert "go on with it: massgraph resume t --db" in said[-1]


def _leave_within_a_write(other: psycopg.Connection[Any]) -> None:
    """Let the server be gone, for `person`, as soon as a reply is about to be stored."""
    until = time.monotonic() + SOON_S
    waited_for = "SELECT 1 FROM pg_locks WHERE objid = 42 AND NOT granted"
    while time.monotonic() < until and not other.execute(waited_for).fetchone():
        time.sleep(0.01)
    for statement in LEAVING:
        other.execute(statement.encode())


@pytest.mark.soak
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_is_restarted(how: signal.Signals) -> None:
    """What is stored or held while it is away is so when it is back, and what was held still is."""
    with own_server() as server:
        async with opened(server.url) as store, opened(server.url) as another:
            async with store.hold("t"):
                await fill(store, "t", 1)
                server.stop(how)
                filling = asyncio.create_task(fill(store, "new"))
                taking = asyncio.create_task(store.hold("other").__aenter__())
                await asyncio.sleep(1.5)
                assert not filling.done()
                assert not taking.done()
                await asyncio.to_thread(server.start)
                await filling
                await taking
                await storing(store)
                assert await another.is_held("t")
            assert await store.check("new") == []
            assert not await store.is_held("t")
