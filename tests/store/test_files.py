"""The SQLite file: who may read it, what is refused, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from massgraph.backends.errors import StoreError, UserError
from massgraph.store import default_storage, open_storage, run_folder, state_dir
from massgraph.store.commands import command
from massgraph.store.complaints import AwayError
from massgraph.store.redacted import postgres_settings, redacted
from tests.store.threads import fill, key, leftovers, reply, seen


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
async def test_only_its_user_may_read_it(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, folder and files are the user's alone while a run goes on."""
    path = tmp_path / "new" / "threads.db"
    before = os.umask(umask)
    try:
        storage = open_storage(f"sqlite:///{path}")
        await fill(await storage.opened())
        modes = {file.name: _mode(file) for file in path.parent.iterdir() if file.is_file()}
        assert modes == {"threads.db": 0o600, "threads.db-wal": 0o600, "threads.db-shm": 0o600}
        assert _mode(path.parent) == 0o700
        await storage.aclose()
    finally:
        os.umask(before)
    assert sorted(file.name for file in path.parent.iterdir()) == ["threads.db", "threads.db-locks"]


async def test_nothing_is_left(tmp_path: Path) -> None:
    """After closing there is no thread, no task and no open file."""
    threads = threading.active_count()
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    await asyncio.gather(*(storage.opened() for _ in range(5)))
    await fill(await storage.opened())
    assert threading.active_count() > threads
    await storage.aclose()
    await storage.aclose()
    assert not [one for one in threading.enumerate() if one.name.startswith("massgraph-store")]
    assert leftovers() == set()
    assert not [file for file in psutil.Process().open_files() if "threads.db" in file.path]


def test_each_loop_has_its_own(tmp_path: Path) -> None:
    """Two loops at once, and loops one after another, share the threads and no connection."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    stores: list[object] = []

    async def use(name: str) -> None:
        store = await storage.opened()
        stores.append(store)
        await fill(store, name)
        assert await storage.opened() is store
        await storage.aclose()

    workers = [threading.Thread(target=asyncio.run, args=(use(name),)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    asyncio.run(use("c"))
    assert len(set(map(id, stores))) == 3

    async def names() -> list[str]:
        store = await storage.opened()
        assert store.index is not None
        found = sorted(row.thread_id for row in await store.index.ls())
        await storage.aclose()
        return found

    assert asyncio.run(names()) == ["a", "b", "c"]


async def test_it_is_read_again(tmp_path: Path) -> None:
    """What was stored is there when the file is opened again, by another spelling too."""
    (tmp_path / "link").symlink_to(tmp_path / "threads.db")
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    await fill(store)
    right = await seen(store)
    await storage.aclose()
    again = open_storage(f"sqlite:///{tmp_path}/link")
    assert again.key == storage.key
    assert await seen(await again.opened()) == right
    await again.aclose()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Whoever still runs when the store is closed hears a StoreError, not one of Python's."""
    store = await open_storage(f"sqlite:///{tmp_path}/threads.db").opened()
    await store.aclose()
    assert store.index is not None
    with pytest.raises(StoreError, match="is closed"):
        await store.index.ls()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is no database, known at once."""
    with pytest.raises(UserError, match="is a folder: name a file"):
        open_storage(f"sqlite:///{tmp_path}")


def _other_program(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()


def _other_program_with_a_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE mine (x)")


def _newer(path: Path) -> None:
    asyncio.run(_made(path))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()


async def _made(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    await storage.opened()
    await storage.aclose()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("A diary without a database's header."), "no SQLite"),
        (_other_program, "belongs to another program"),
        (_other_program_with_a_wal, "belongs to another program"),
        (_newer, "made by a newer one"),
    ],
    ids=["text", "other program", "with a wal", "newer"],
)  # fmt: skip
def test_what_is_no_database_of_ours(tmp_path: Path, make: object, told: str) -> None:
    """Another file is refused in one line, and left as it is, with nothing new beside it."""
    path = tmp_path / "threads.db"
    make(path)  # type: ignore[operator]
    before = {one: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}
    folder = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=told) as caught:
        asyncio.run(_made(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert {one: one.read_bytes() for one in before} == before
    assert sorted(tmp_path.iterdir()) == folder


def test_another_program_that_writes_just_now(tmp_path: Path) -> None:
    """What it has not taken into its file yet counts, too."""
    path = tmp_path / "threads.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE mine (x)")
        with pytest.raises(StoreError, match="belongs to another program"):
            asyncio.run(_made(path))
        other.execute("INSERT INTO mine VALUES (1)")
    assert [one.name for one in tmp_path.iterdir()] == ["threads.db"]


async def test_a_locked_database_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits too long for another writer is told so, by the journal and the checkpointer."""
    monkeypatch.setattr("massgraph.store.sqlite_file.BUSY_TIMEOUT_S", 0.01)
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    await fill(store)
    other = sqlite3.connect(tmp_path / "threads.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.journal is not None
    with pytest.raises(StoreError, match="kept locked") as caught:
        await store.journal.store(key(9), "alice", reply("nine"))
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    with pytest.raises(StoreError, match="kept locked"):
        await fill(store, "new", replies=0)
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1"}}
    with pytest.raises(StoreError, match="kept locked"):
        await store.saver.aput_writes(config, [("messages", [])], "task")  # type: ignore[arg-type]
    other.execute("ROLLBACK")
    other.close()
    await store.journal.store(key(9), "alice", reply("nine"))
    assert await store.journal.find(key(9)) == reply("nine")
    await storage.aclose()


def test_a_file_that_another_program_keeps_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for as long as the message says, also by the first look at the file."""
    monkeypatch.setattr("massgraph.store.sqlite_file.BUSY_TIMEOUT_S", 0.01)
    path = tmp_path / "threads.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE mine (x)")
        began = time.monotonic()
        with pytest.raises(AwayError, match="kept locked by another process"):
            asyncio.run(_made(path))
        assert time.monotonic() - began < 2  # SQLite's own patience is 5 s


async def test_writes_are_stored_together(tmp_path: Path) -> None:
    """When one of a task's writes fails, none of them is stored, then or later."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    with closing(sqlite3.connect(tmp_path / "threads.db", isolation_level=None)) as other:
        other.execute(
            "CREATE TRIGGER second BEFORE INSERT ON writes WHEN NEW.idx = 1 "
            "BEGIN SELECT RAISE(FAIL, 'the disk is full'); END"
        )
        config: Any = {
            "configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1"}
        }
        with pytest.raises(StoreError, match="the disk is full"):
            await store.saver.aput_writes(config, [("a", 1), ("b", 2)], "task")
        other.execute("BEGIN IMMEDIATE")  # nobody keeps it locked
        other.execute("ROLLBACK")
        await store.saver.aput_writes(config, [("c", 3)], "another")
        assert other.execute("SELECT task_id, idx FROM writes").fetchall() == [("another", 0)]
    await storage.aclose()


async def test_removed_threads_give_space_back(tmp_path: Path) -> None:
    """The file shrinks when threads are removed."""
    path = tmp_path / "threads.db"
    storage = open_storage(f"sqlite:///{path}")
    store = await storage.opened()
    assert store.journal is not None
    for number in range(20):
        await store.journal.store(key(number), "alice", reply("long " * 10_000))
    await storage.aclose()
    full = path.stat().st_size
    await (await storage.opened()).rm("t")
    await storage.aclose()
    assert path.stat().st_size < full / 4


# --- the state folder ------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "state" / "massgraph"


async def test_the_default_is_in_the_state_folder(state: Path) -> None:
    """A user's own threads are in the state folder, which is theirs alone."""
    storage = default_storage()
    await storage.opened()
    assert _mode(state) == 0o700
    assert _mode(state / "massgraph.db") == 0o600
    await storage.aclose()


def test_a_command_names_the_store(state: Path, tmp_path: Path) -> None:
    """What a message says to type is about the store that it is about."""
    assert command("threads ls", default_storage().url) == "massgraph threads ls"
    other = open_storage(f"sqlite:///{tmp_path}/my threads.db").url
    assert command("threads rm t", other) == f"massgraph threads rm t --db '{other}'"
    served = redacted(postgres_settings("postgresql://me:canary@host/x"))
    assert command("threads ls", served) == "massgraph threads ls --db postgresql://me@host/x"
    assert command("threads ls", "memory:") is None
    assert state.parent == tmp_path / "state"


async def test_a_link_in_the_default_place_is_refused(state: Path, tmp_path: Path) -> None:
    """The default file is never written through a link."""
    state_dir()
    victim = tmp_path / "victim"
    (state / "massgraph.db").symlink_to(victim)
    with pytest.raises(StoreError, match="is a link"):
        await default_storage().opened()
    assert not victim.exists()


def test_a_runs_folder(state: Path, tmp_path: Path) -> None:
    """A run has a folder of its own inside the state folder, and no link leads out of it."""
    assert run_folder("t", 3) == state.resolve() / "runs" / "t" / "0003"
    assert _mode(state / "runs") == 0o700
    for odd in ("..", "../x", "/etc", ".x", ""):
        with pytest.raises(UserError):
            run_folder(odd, 1)
    (state / "runs" / "linked").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is a link"):
        run_folder("linked", 1)


@pytest.mark.parametrize("url", ["", "sqlite:///", "sqlite:x", "mysql://me:canary@host/x", "a.db"])
def test_other_urls_are_refused(url: str) -> None:
    """What names no storage is refused with the three that do, without its password."""
    with pytest.raises(UserError, match=r"'memory:', 'sqlite:///PATH' or 'postgresql://") as caught:
        open_storage(url)
    assert "canary" not in str(caught.value)
