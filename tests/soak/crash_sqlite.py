"""The same over files: copies of a SQLite file after each write, as a dead process leaves it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from massgraph.store.sqlite import SqliteStorage
from massgraph.verify import verify

from .crash_cases import Case, Told
from .crash_mind import Asked
from .crash_points import request_of

FILES = ("threads.db", "threads.db-wal")
"""The database, and what is not yet taken into it; locks and shared memory die with a process."""


class _Copied(SqliteStorage):
    """A SQLite file that is copied after each write."""

    def __init__(self, folder: Path, copied: Callable[[str], None]) -> None:
        super().__init__(folder / FILES[0])
        self._copied = copied

    async def _open(self) -> Any:
        store: Any = await super()._open()
        for owner, name in (
            (store.saver, "aput"),
            (store.saver, "aput_writes"),
            (store._database, "write"),
        ):
            setattr(owner, name, self._telling(getattr(owner, name), name))
        return store

    def _telling(self, write: Any, name: str) -> Any:
        async def told(*args: Any, **kwargs: Any) -> Any:
            result = await write(*args, **kwargs)
            self._copied(name)
            return result

        return told


def crash_on_disk(case: Case, most: int) -> tuple[list[int], int, list[str]]:
    """Crash a run of a case over SQLite after its writes.

    Args:
        case: The case.
        most: How many crashes at most.

    Returns:
        How many calls were stored at each point, how many requests were sent afterwards, and
        what went wrong.
    """
    quick = replace(case, manner=replace(case.manner, slow_s=0.004))
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(_crash(quick, Path(name), most))


async def _crash(case: Case, folder: Path, most: int) -> tuple[list[int], int, list[str]]:
    points: list[tuple[str, int, Path]] = []
    whole, told = Asked(), Told()

    def copied(what: str) -> None:
        place = folder / f"p{len(points)}"
        place.mkdir()
        for file in FILES:
            if (folder / "run" / file).exists():
                shutil.copy2(folder / "run" / file, place / file)
        points.append((what, len(told), place))

    result = await _run(case, _Copied(folder / "run", copied), whole, told, "What?")
    step = max(len(points) // most, 1)
    stored, sent, wrong = list[int](), 0, list[str]()
    for number, (what, so_far, place) in list(enumerate(points))[::step][:most]:
        had = _stored(place / FILES[0])
        asked, after = Asked(), Told()
        try:
            again = await _run(case, SqliteStorage(place / FILES[0]), asked, after, None)
            twice = [r for r, n in asked.answered.items() if n + had.count(r) > whole.answered[r]]
            assert not twice, f"sent again: {twice}"
            assert again == result, f"{again}, and was {result}"
            verified = verify([*told[:so_far], *after])
            assert verified.ok, verified.violations[0]
        except Exception as exc:
            wrong.append(f"point {number}, after {what}: {type(exc).__name__}: {exc}")
        stored.append(len(had))
        sent += asked.requests
    return stored, sent, wrong


async def _run(
    case: Case, storage: SqliteStorage, asked: Asked, told: Told, question: str | None
) -> dict[str, Any]:
    team = case.team(storage, asked, told)
    async with team, team.start(question, thread_id="t") as run:
        result = (await run.result()).to_dict()
    return {**result, "duration_s": 0.0}


def _stored(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT body FROM massgraph_replies").fetchall()
    finally:
        connection.close()
    return [request_of(json.loads(body)) for (body,) in rows]
