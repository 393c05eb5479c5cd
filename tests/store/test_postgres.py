"""PostgreSQL: passwords stay unsaid, foreign tables untouched, a cut is mended."""

from __future__ import annotations

import asyncio
import importlib.util
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from massgraph.backends.errors import MissingError, StoreError, UserError
from massgraph.store import open_storage
from tests.store.roles import CANARY, CUT_ALL, role, tell
from tests.store.threads import fill, key, reply

CUT_FIRST = """
    CREATE SEQUENCE inserted;
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('inserted') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER cutting BEFORE INSERT ON TABLE FOR EACH ROW EXECUTE FUNCTION cut();
"""
"""Cuts the connection whose statement is the first that inserts something."""

MALFORMED = [
    f"postgresql://me:{CANARY}/x@host/db",
    f"postgresql://me:{CANARY}@x@host/db",
    f"postgresql://me:{CANARY}%zz@host/db",
    f"postgresql://me:x@host:{CANARY}/db",
    f"postgresql://me:x@host/db?password={CANARY}&odd=1",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_a_url_that_cannot_be_read(url: str) -> None:
    """Nothing of a malformed URL is said, nor by the causes of the error."""
    with pytest.raises(UserError) as caught:
        open_storage(url)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("query", ["", f"&password={CANARY}"])
async def test_no_password_is_said(query: str) -> None:
    """An unreachable server is told in one line, without the password."""
    storage = open_storage(f"postgresql://me:{CANARY}@127.0.0.1:1/db?connect_timeout=1{query}")
    assert "me@127.0.0.1:1/db" in repr(storage)
    with pytest.raises(StoreError, match="can't be reached") as caught:
        await storage.opened()
    assert "\n" not in str(caught.value)
    told = "".join(traceback.format_exception(caught.value)) + repr(storage) + storage.url
    assert CANARY not in told.replace(__file__, "")


async def test_a_dropped_connection_is_replaced(database: str) -> None:
    """When the server cuts all connections, the next call has a new one, or is told."""
    storage = open_storage(database)
    store = await storage.opened()
    await fill(store)
    tell(database, CUT_ALL)
    assert store.journal is not None
    assert await store.journal.find(key(0)) == reply("text 0")
    await fill(store, "new")
    assert await store.check("new") == []
    await storage.aclose()


async def test_changed_rows_are_told(database: str) -> None:
    """Changed checkpoints and replies are told by a read and by the check."""
    storage = open_storage(database)
    store = await storage.opened()
    for name in ("a", "b", "c"):
        await fill(store, name)
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "UPDATE checkpoints SET metadata = jsonb_set(metadata, '{step}', '7') "
            "WHERE thread_id = 'a'"
        )
        other.execute("UPDATE checkpoint_blobs SET blob = blob || 'x' WHERE thread_id = 'b'")
        other.execute("UPDATE massgraph_replies SET body = body || ' ' WHERE thread_id = 'c'")
    for name in ("a", "b"):
        with pytest.raises(StoreError, match=f"'{name}' in postgresql:.* is damaged"):
            await store.saver.aget_tuple({"configurable": {"thread_id": name}})
    for name in ("a", "b", "c"):
        assert await store.check(name), name
    await storage.aclose()


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg, the command that installs it is told."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingError, match=r"pip install 'massgraph\[postgres\]'"):
        open_storage("postgresql://me@host/db")


@pytest.mark.parametrize("table", ["checkpoints", "checkpoint_writes", "massgraph_replies"])
async def test_a_write_that_is_cut_is_repeated(database: str, table: str) -> None:
    """When the connection goes in the middle of a write, it is written again, once."""
    storage = open_storage(database)
    store = await storage.opened()
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(CUT_FIRST.replace("TABLE", table).encode())
    await fill(store)
    assert await store.check("t") == []
    with psycopg.connect(database) as other:
        found = other.execute("SELECT is_called FROM inserted").fetchone()
    assert found == (True,)
    await storage.aclose()


@pytest.mark.parametrize(
    "table", ["checkpoints (id int)", "checkpoint_migrations (a int)", "massgraph_whole (id int)"]
)
async def test_another_programs_database(database: str, table: str) -> None:
    """A database with tables of the same names and other columns is left as it is."""
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(f"CREATE TABLE {table}".encode())
    with pytest.raises(StoreError, match=r"belongs to another program.*name another database"):
        await open_storage(database).opened()
    with psycopg.connect(database) as other:
        left = other.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert left.fetchall() == [(table.split(maxsplit=1)[0],)]


@pytest.fixture
def guarded(database: str) -> Iterator[str]:
    """The URL of an empty database whose server asks this user, and no other, for a password."""
    rules = Path(database.split("host=")[1]) / "data" / "pg_hba.conf"
    before = rules.read_text()
    with role(database, "guarded") as url:
        rules.write_text(f"local all guarded scram-sha-256\n{before}")
        try:
            _load_rules(database)
            yield url
        finally:
            rules.write_text(before)
            _load_rules(database)


def _load_rules(database: str) -> None:
    """Let a server read anew who may come in; it does so a moment later."""
    tell(database, "SELECT pg_reload_conf()")


async def open_until_refused(url: str) -> None:
    """Open and close a database until the server has read its new rules."""
    async with asyncio.timeout(10.0):
        while True:
            storage = open_storage(url)
            await storage.opened()
            await storage.aclose()


async def test_no_password(guarded: str) -> None:
    """Where a password is asked for, and there is none, it is told how to give it."""
    with pytest.raises(StoreError, match=r"PGPASSWORD.*~/\.pgpass.*USER:PASSWORD@") as caught:
        await open_until_refused(guarded)
    assert "\n" not in str(caught.value)
    storage = open_storage(guarded.replace("guarded@", f"guarded:{CANARY}@"))
    await storage.opened()
    await storage.aclose()
