"""A store that can't be used now is no damaged one: nothing is removed, or called damaged."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from massgraph.backends.errors import StoreError
from massgraph.batch.desk import Desk
from massgraph.cli import main
from massgraph.config import load_config
from massgraph.steps import steps_of
from massgraph.store import Storage, open_storage
from massgraph.store.complaints import AwayError
from massgraph.store.postgres_complaints import as_store_error as of_postgres
from massgraph.store.sqlite_database import as_store_error as of_sqlite
from massgraph.stored_run import StoredRun
from tests.store.threads import fill, key, reply

CUT = """CREATE SEQUENCE reads; CREATE FUNCTION cut() RETURNS bool LANGUAGE plpgsql VOLATILE AS $$
    BEGIN IF nextval('reads') {when} THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    RETURN true; END $$;
    ALTER TABLE massgraph_{table} RENAME TO real_{table};
    CREATE VIEW massgraph_{table} AS SELECT * FROM real_{table} WHERE cut()"""
"""Whoever reads a row of a table is cut off, at some of the times."""

TEAM = "agent: {id: a, backend: {type: scripted, turns: [{new_answer: Paris}]}}\n"


def desk(storage: Storage) -> Any:
    """Return a desk that looks for what is left of a batch; it asks nobody."""
    nobody: Any = None
    return Desk(teams=nobody, storage=storage, batch="batch", config='{"agents": 2}')


async def test_a_connection_that_is_cut_while_a_thread_is_checked(database: str) -> None:
    """The thread of a batch keeps its replies, which are paid for, and a run is not refused."""
    storage = open_storage(database)
    store: Any = await storage.opened()
    await fill(store, "batch-1")
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(CUT.format(table="replies", when="= 1"))
        store._replies._chains.clear()
        with pytest.raises(AwayError, match="can't be reached"):
            await desk(storage)._found(store, "batch-1")
        other.execute("ALTER SEQUENCE reads RESTART")
        run = StoredRun(storage, "batch-1", messages=None)
        with pytest.raises(AwayError, match="can't be reached"):
            await run.begin()
        await run.end(None)
    found = await desk(storage)._found(store, "batch-1")
    assert found is not None
    assert found.question == "Why?"
    assert await store.journal.find(key(0, "batch-1")) == reply("text 0")
    await storage.aclose()


def test_how_to_go_on_is_said(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A run whose thread can't be checked now is refused, and can be gone on with."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("team.yaml").write_text(TEAM)

    async def begun() -> None:
        storage = open_storage(database)
        store: Any = await storage.opened()
        await store.index.begin("t", "Why?", load_config("team.yaml").stored)
        await storage.aclose()

    asyncio.run(begun())
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(CUT.format(table="threads", when="> 1"))
    with pytest.raises(SystemExit, match="1"):
        main(("resume", "t", "--quiet", "--db", database))
    said = capfd.readouterr().err
    assert "can't be reached" in said
    assert "go on with it: massgraph resume t --db" in said
    assert "damaged" not in said


async def test_a_store_that_is_closed_tells_of_no_damage(tmp_path: Path) -> None:
    """Whoever checks a thread, or reads its steps, is told that the store can't be used."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    await fill(store)
    await storage.aclose()
    for read in (store.check("t"), steps_of(store, "t"), desk(storage)._found(store, "t")):
        with pytest.raises(AwayError, match="is closed"):
            await read


@pytest.mark.parametrize(
    ("name", "away"),
    [
        ("SQLITE_BUSY_SNAPSHOT", True),
        ("SQLITE_LOCKED", True),
        ("SQLITE_FULL", True),
        ("SQLITE_READONLY_DIRECTORY", True),
        ("SQLITE_CANTOPEN", True),
        ("SQLITE_IOERR_READ", True),
        ("SQLITE_CORRUPT_INDEX", False),
        ("SQLITE_NOTADB", False),
        ("SQLITE_ERROR", False),
    ],
)
def test_what_sqlite_says(name: str, away: bool) -> None:
    """A file that is locked, or a disk that is full, is no damage."""
    exc = sqlite3.OperationalError("no")
    exc.sqlite_errorname = name
    told = of_sqlite("sqlite:///t.db", exc)
    assert type(told) is (AwayError if away else StoreError)


@pytest.mark.parametrize(
    ("exc", "away"),
    [
        (errors.AdminShutdown("no"), True),
        (errors.DiskFull("no"), True),
        (errors.QueryCanceled("no"), True),
        (errors.ReadOnlySqlTransaction("no"), True),
        (errors.InsufficientPrivilege("no"), True),
        (psycopg.OperationalError("fe_sendauth: no password supplied"), True),
        (errors.DataCorrupted("no"), False),
        (errors.UndefinedTable("no"), False),
        (errors.CharacterNotInRepertoire("no"), False),
    ],
)
def test_what_postgresql_says(exc: psycopg.Error, away: bool) -> None:
    """A server that went, or lets nobody read, is no damage."""
    assert type(of_postgres("postgresql://host/x", exc)) is (AwayError if away else StoreError)
