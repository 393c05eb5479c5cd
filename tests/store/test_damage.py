"""A SQLite file with damaged bytes: every read is right, or an error."""

# ruff: noqa: ASYNC240 - files are what is tested
from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from massgraph.backends.errors import StoreError
from massgraph.store import Storage, open_storage
from massgraph.store.index import Threads
from massgraph.store.journal import Replies
from tests.store.threads import fill, graph, key, place, reply, seen

FLIPS = 60
"""Damaged files that a test reads."""


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A SQLite file with two threads."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    await fill(store)
    await fill(store, "other", replies=1)
    await storage.aclose()
    return tmp_path / "threads.db"


async def _read(path: Path) -> list[Any]:
    storage = open_storage(f"sqlite:///{path}")
    try:
        return await seen(await storage.opened())
    finally:
        await storage.aclose()


async def _right_or_error(path: Path, right: list[Any]) -> bool:
    """Read everything there is, each by itself; return whether anything raised."""
    storage = open_storage(f"sqlite:///{path}")
    raised = False
    try:
        store = await storage.opened()
    except StoreError:
        return True
    reads: list[Callable[[], Any]] = [
        *(lambda n=n: store.journal.find(key(n)) for n in range(4)),  # type: ignore[union-attr]
        lambda: store.index.get("t"),  # type: ignore[union-attr]
        store.index.ls,  # type: ignore[union-attr]
        lambda: store.saver.aget_tuple(place()),
        lambda: _listed(store.saver),
    ]
    try:
        for number, read in enumerate(reads):
            try:
                found = await read()
            except StoreError as exc:
                raised = "\n" not in str(exc)
                continue
            if any(getattr(one, "damage", None) for one in _rows(found)):
                raised = True
                continue
            if number < len(reads) - 1:
                assert _told(found) == _told(right[number]), number
                _check_writes(found, right[number])
            else:
                _check_list(found, right[number])
        if await store.check("t"):
            raised = True
    finally:
        try:
            await storage.aclose()
        except StoreError:
            raised = True
    return raised


def _rows(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


async def _listed(saver: Any) -> list[Any]:
    return [one async for one in saver.alist(place())]


def _check_list(found: list[Any], right: list[Any]) -> None:
    """The history may have lost checkpoints (`check` tells), but shows no wrong one."""
    known = {one.config["configurable"]["checkpoint_id"]: one for one in right}
    for one in found:
        whole = known[one.config["configurable"].get("checkpoint_id")]
        assert _told(one) == _told(whole)
        _check_writes(one, whole)


def _check_writes(found: Any, right: Any) -> None:
    """All writes of a task are there and right, or none is: then it runs again."""
    there = getattr(found, "pending_writes", None) or []
    tasks = {task for task, _, _ in there}
    wanted = getattr(right, "pending_writes", None) or []
    assert there == [write for write in wanted if write[0] in tasks]


def _told(found: Any) -> Any:
    """Return what was read; a step's task may have to run again, which is right."""
    if getattr(found, "pending_writes", None) is None:
        return found
    parent = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    return found.checkpoint, found.metadata, found.config, parent


async def test_flipped_bytes(file: Path, tmp_path: Path) -> None:
    """Wherever bytes are changed, what is read is right, or an error."""
    right = await _read(file)
    rng = random.Random(7)
    whole = file.read_bytes()
    raised = 0
    for number in range(FLIPS):
        data = bytearray(whole)
        for _ in range(1 + number % 3):
            where = rng.randrange(len(data))
            data[where] ^= 1 << rng.randrange(8)
        damaged = tmp_path / f"{number}.db"
        damaged.write_bytes(data)
        raised += await _right_or_error(damaged, right)
    assert raised > FLIPS / 10


async def test_cut_files(file: Path, tmp_path: Path) -> None:
    """A file that ends too early is an error, or what it says is right."""
    right = await _read(file)
    size = file.stat().st_size
    for number in range(20):
        damaged = tmp_path / f"{number}.db"
        shutil.copyfile(file, damaged)
        os.truncate(damaged, size * number // 20 + number % 3)
        if number == 0:
            continue  # an empty file is a new database
        assert await _right_or_error(damaged, right)


TABLES = ("massgraph_threads", "massgraph_heads", "massgraph_latest", "massgraph_replies")


@pytest.mark.parametrize("table", [*TABLES, "checkpoints", "writes"])
async def test_every_row_counts(file: Path, tmp_path: Path, table: str) -> None:
    """Each row that is lost or changed in any column is told, or what is read is right."""
    right = await _read(file)
    rows, columns = _shape(file, table)
    for row in range(rows):
        for column in [None, *columns]:
            if table == "writes" and row % 4:
                continue
            damaged = tmp_path / f"{row}-{column}.db"
            shutil.copyfile(file, damaged)
            _damage(damaged, table, row, column)
            raised = await _right_or_error(damaged, right)
            gone = column in {None, "thread_id", "checkpoint_ns"}
            oldest = table == "checkpoints" and row == 0 and gone  # nothing goes on from it
            assert raised or oldest or table == "writes", (row, column)


def _shape(path: Path, table: str) -> tuple[int, list[str]]:
    connection = sqlite3.connect(path)
    [count] = connection.execute(f"SELECT count(*) FROM {table} WHERE {WHERE[table]}").fetchone()
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    connection.close()
    return count, columns


WHERE = {
    **dict.fromkeys(TABLES, "thread_id = 't'"),
    **dict.fromkeys(("checkpoints", "writes"), "thread_id = 't' AND checkpoint_ns = ''"),
}


def _damage(path: Path, table: str, row: int, column: str | None) -> None:
    """Delete a row, or change a column of it, without the triggers' knowing."""
    connection = sqlite3.connect(path)
    for trigger in ("massgraph_put", "massgraph_delete"):
        connection.execute(f"DROP TRIGGER {trigger}")
    order = connection.execute(f"SELECT * FROM {table} WHERE {WHERE[table]}").fetchall()
    names = [one[1] for one in connection.execute(f"PRAGMA table_info({table})")]
    where = " AND ".join(f"{name} IS ?" for name in names)
    if column is None:
        connection.execute(f"DELETE FROM {table} WHERE {where}", order[row])
    else:
        connection.execute(
            f"UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 9 "
            f"WHEN 'real' THEN {column} + 1 WHEN 'blob' THEN {column} || x'00' "
            f"WHEN 'null' THEN 'x' ELSE {column} || '~' END WHERE {where}",
            order[row],
        )
    connection.commit()
    connection.close()


async def test_checkpoints_that_changed_places(file: Path) -> None:
    """A blob that is whole, but another row's, is told."""
    connection = sqlite3.connect(file)
    ids = [row[0] for row in connection.execute(
        "SELECT checkpoint_id FROM checkpoints WHERE thread_id = 't' AND checkpoint_ns = '' "
        "ORDER BY checkpoint_id"
    )]  # fmt: skip
    connection.execute(
        "UPDATE checkpoints SET checkpoint = (SELECT checkpoint FROM checkpoints WHERE "
        "checkpoint_id = ?) WHERE checkpoint_id = ?",
        (ids[0], ids[-1]),
    )
    connection.commit()
    connection.close()
    storage = open_storage(f"sqlite:///{file}")
    store = await storage.opened()
    rm = f"massgraph threads rm t --db {storage.url}"
    with pytest.raises(StoreError, match=rf"'t' in sqlite:.* is damaged.*{re.escape(rm)}"):
        await store.saver.aget_tuple(place())
    assert await store.check("t")
    assert await store.check("other") == []
    await storage.aclose()


LOST = {
    "the head of its replies is missing": (
        "DELETE FROM massgraph_replies WHERE thread_id = 't'",
        "DELETE FROM massgraph_heads WHERE thread_id = 't'",
    ),
    "the checkpoint .* is missing": (
        """DELETE FROM checkpoints WHERE thread_id = 't' AND checkpoint_ns = '' AND
            checkpoint_id > (SELECT min(checkpoint_id) FROM checkpoints WHERE thread_id = 't')""",
    ),
    "its checkpoints are missing": ("DELETE FROM checkpoints WHERE thread_id = 't'",),
}
"""What is wrong when rows are lost in a way that leaves no trace in their own table."""


@pytest.mark.parametrize("told", LOST)
async def test_rows_that_are_lost_together(file: Path, told: str) -> None:
    """A run that went on without them would ask its agents again: what is left tells of them."""
    with closing(sqlite3.connect(file)) as connection:
        for statement in LOST[told]:
            connection.execute(statement)
        connection.commit()
    storage = open_storage(f"sqlite:///{file}")
    store = await storage.opened()
    [wrong] = await store.check("t")
    assert re.search(f"'t' in .* is damaged: {told}", wrong)
    assert await store.check("other") == []
    await storage.aclose()


async def test_a_check_reads_everything_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row and the chain of replies are read once, however much leans on them."""
    read: list[str] = []
    for owner, name in ((Replies, "check"), (Threads, "get")):
        whole = getattr(owner, name)

        def noted(self: Any, thread_id: str, *, whole: Any = whole, name: str = name) -> Any:
            read.append(name)
            return whole(self, thread_id)

        monkeypatch.setattr(owner, name, noted)
    storage = open_storage(f"sqlite:///{file}")
    assert await (await storage.opened()).check("t") == []
    await storage.aclose()
    assert read == ["get", "check"]


async def test_where_no_step_is_left_none_is_offered(file: Path) -> None:
    """What can be done with the thread is to remove it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM checkpoints WHERE thread_id = 't'")
        connection.commit()
    storage = open_storage(f"sqlite:///{file}")
    [wrong] = await (await storage.opened()).check("t")
    assert wrong.endswith(f"missing. Remove it: massgraph threads rm t --db {storage.url}")
    await storage.aclose()


async def test_a_new_question_covers_no_damage(file: Path) -> None:
    """A head that is lost is not made anew."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM massgraph_heads WHERE thread_id = 't'")
        connection.commit()
    storage = open_storage(f"sqlite:///{file}")
    index: Any = (await storage.opened()).index
    with pytest.raises(StoreError, match="the head of its replies is missing"):
        await index.begin("t", "And now?", None)
    await storage.aclose()


async def test_a_damaged_thread_is_removed(storage: Storage) -> None:
    """What is damaged can be removed, and the thread can be begun anew."""
    store = await storage.opened()
    await fill(store)
    await store.rm("t")
    assert store.journal is not None
    assert await store.journal.find(key(0)) is None
    assert await store.saver.aget_tuple(place()) is None
    assert await store.check("t") == []
    await fill(store)
    assert await store.journal.find(key(0)) == reply("text 0")


async def test_trim_keeps_the_thread(storage: Storage) -> None:
    """Only the subgraphs' checkpoints go."""
    store = await storage.opened()
    await fill(store)
    before = [one async for one in store.saver.alist(place())]
    state = await graph(store).aget_state(place())
    await store.trim("t")
    after = [one async for one in store.saver.alist(place())]
    assert {one.config["configurable"]["checkpoint_ns"] for one in before} > {""}
    assert {one.config["configurable"]["checkpoint_ns"] for one in after} == {""}
    assert (await graph(store).aget_state(place())).values == state.values
    assert await store.check("t") == []
