"""PostgreSQL: passwords stay unsaid, foreign tables untouched, a cut is mended or told."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from massgraph.backends.errors import MissingError, StoreError, UserError
from massgraph.cli import main
from massgraph.store import Store, open_storage, postgres_pool
from tests.store.server import own_server
from tests.store.threads import fill, key, reply

CANARY = "canary-7"

CUT_ALL = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)

CUT_FIRST = """
    CREATE SEQUENCE inserted;
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('inserted') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER cutting BEFORE INSERT ON TABLE FOR EACH ROW EXECUTE FUNCTION cut();
"""
"""Cuts the connection whose statement is the first that inserts something."""

TEAM = """\
agents:
  - id: alice
    backend:
      type: scripted
      turns: [{when: no_answers, new_answer: Paris}, {delay: 0.6, new_answer: Rome}]
policy: {single: coordinate}
"""

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
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(CUT_ALL)
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


async def test_a_lost_hold_is_no_error(database: str, caplog: pytest.LogCaptureFixture) -> None:
    """When the connection of a hold was cut off, the hold ends as it does else."""
    caplog.set_level(logging.INFO, "massgraph.store")
    storage = open_storage(database)
    store = await storage.opened()
    async with store.hold("t"):
        with psycopg.connect(database, autocommit=True) as other:
            other.execute(CUT_ALL)
    assert "hold was lost thread=t" in caplog.text
    assert not [one for one in caplog.records if one.levelno > logging.INFO]
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


@contextmanager
def role(database: str, name: str) -> Iterator[str]:
    """Make a user while the block runs, and give the URL with its name."""
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(f"CREATE ROLE {name} SUPERUSER LOGIN PASSWORD '{CANARY}'".encode())
    yield database.replace("postgres:unasked@", f"{name}@")
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(CUT_ALL)
        other.execute(f"REASSIGN OWNED BY {name} TO postgres".encode())
        other.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def person(database: str) -> Iterator[str]:
    """The URL of an empty database, as another user sees it."""
    with role(database, "person") as url:
        yield url


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
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_reload_conf()")


def leave(database: str) -> None:
    """Let the server be gone, for `person`."""
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("ALTER ROLE person NOLOGIN")
        other.execute(CUT_ALL)


async def open_until_refused(url: str) -> None:
    """Open and close a database until the server has read its new rules."""
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


async def refused(store: Store) -> float:
    """Store a reply where the server is gone; return how long it took to be told."""
    assert store.journal is not None
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"can't be reached: .* not permitted to log in"):
        await store.journal.store(key(7), "alice", reply("text"))
    return time.monotonic() - began


async def test_a_server_that_went(
    person: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is waited for once, with one warning; then nobody waits, until it is back."""
    monkeypatch.setattr(postgres_pool, "PATIENCE_S", 0.4)
    monkeypatch.setattr(postgres_pool, "GIVEN_S", 0.2)
    storage = open_storage(person)
    store = await storage.opened()
    await fill(store)
    leave(database)
    assert await refused(store) > 0.4
    assert await refused(store) < 0.3
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("ALTER ROLE person LOGIN")
    await fill(store, "new")
    assert await store.check("new") == []
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert warned == [f"The database {store.url} can't be reached; waiting 0.4 s for it."]
    await storage.aclose()


def test_a_run_whose_server_went(
    person: str,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It says once that it waits, once what is wrong, and how to go on; its status is 1."""
    monkeypatch.setattr(postgres_pool, "PATIENCE_S", 0.2)
    monkeypatch.setattr(postgres_pool, "GIVEN_S", 0.2)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "team.yaml").write_text(TEAM)

    def watch() -> None:
        with psycopg.connect(database, autocommit=True) as other:
            while not other.execute("SELECT to_regclass('massgraph_heads')").fetchone()[0]:  # type: ignore[index]
                time.sleep(0.01)
            while not other.execute("SELECT 1 FROM massgraph_heads WHERE replies > 0").fetchone():
                time.sleep(0.01)
        leave(database)

    watching = threading.Thread(target=watch)
    watching.start()
    words = ("run", "-c", f"{tmp_path}/team.yaml", "--thread", "t", "--db", person, "Why?")
    with pytest.raises(SystemExit) as left:
        main(words)
    watching.join()
    assert left.value.code == 1
    err = capfd.readouterr().err
    said = [line for line in err.splitlines() if line.startswith("massgraph: ")]
    assert [line.split()[1] for line in said] == ["warning:", "error:", "what"], err
    assert "go on with it: massgraph resume t --db" in said[-1]


@pytest.mark.soak
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_is_restarted(how: signal.Signals) -> None:
    """Whatever is stored while it is away is stored when it is back, and the hold ends well."""
    with own_server() as server:
        storage = open_storage(server.url)
        store = await storage.opened()
        async with store.hold("t"):
            await fill(store, "t", 1)
            server.stop(how)
            storing = asyncio.create_task(fill(store, "new"))
            await asyncio.sleep(1.5)
            assert not storing.done()
            await asyncio.to_thread(server.start)
            await storing
        assert await store.check("new") == []
        assert not await store.is_held("t")
        await storage.aclose()
