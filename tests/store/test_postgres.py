"""PostgreSQL: passwords stay unsaid, and a cut connection is told or replaced."""

from __future__ import annotations

import importlib.util
import traceback

import psycopg
import pytest

from massgraph.backends.errors import MissingError, StoreError, UserError
from massgraph.store import open_storage
from tests.store.threads import fill, key, reply

CANARY = "canary-7"

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
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
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
