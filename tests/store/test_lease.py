"""Who closes a storage that several use: the last one on an event loop that lets go."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from langchain_core.messages import AnyMessage

from massgraph import Agent, Policy, Team, Threads
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import StreamChunk
from massgraph.backends.scripted import ScriptedBackend
from massgraph.store import Lease, Storage, open_storage
from tests.store.threads import leftovers

SCRIPT = [
    {"new_answer": "9.9", "when": "no_answers"},
    {"vote": "first", "when": "answers"},
]


class Waiting(ScriptedBackend):
    """A scripted backend whose first call goes on when it is let."""

    def __init__(self) -> None:
        super().__init__(SCRIPT)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        self.asked.set()
        await self.let.wait()
        async for chunk in super().stream_with_tools(messages, tools, **params):
            yield chunk


def team(db: Storage | str, backend: ScriptedBackend | None = None) -> Team:
    """Return a team of one."""
    return Team([Agent("alice", backend or ScriptedBackend(SCRIPT))], Policy(), db=db)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store that has something to close."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/threads.db"
    found: str = request.getfixturevalue("database")
    return found


def handles() -> list[str]:
    """Return what this process holds of stores: files, connections and threads."""
    process = psutil.Process()
    files = [file.path for file in process.open_files() if ".db" in file.path]
    sockets = ["socket" for _ in process.net_connections("unix")]
    threads = [one.name for one in threading.enumerate() if one.name.startswith("massgraph-store")]
    return sorted([*files, *sockets, *threads])


async def test_a_team_is_closed_while_another_one_runs(url: str) -> None:
    """The run of the other goes on, and the last one to be closed closes the store."""
    before, storage, slow = handles(), open_storage(url), Waiting()
    first, second = team(storage), team(storage, slow)
    await first.arun("Which?", thread_id="one")
    running = asyncio.create_task(second.arun("Which?", thread_id="two"))
    await slow.asked.wait()
    for _ in range(2):  # the second time it holds nothing
        await first.aclose()
        assert len(handles()) > len(before)
    slow.let.set()
    assert (await running).answer == "9.9"
    assert (await second.aresume("two")).answer == "9.9"
    await second.aclose()
    assert handles() == before
    assert leftovers() == set()


async def test_threads_are_closed_while_a_team_runs(url: str) -> None:
    """Who looks at the threads of a team may come and go while it runs, and stay when it goes."""
    before, storage, slow = handles(), open_storage(url), Waiting()
    async with Threads(storage) as kept, team(storage, slow) as asked:
        running = asyncio.create_task(asked.arun("Which?", thread_id="t"))
        await slow.asked.wait()
        async with Threads(storage) as others:
            assert await others.is_running("t")
        slow.let.set()
        assert (await running).outcome == "settled"
        await asked.aclose()
        assert (await kept.get("t")).status == "settled"
    assert handles() == before


async def test_a_store_of_a_teams_own_is_closed_with_it(url: str) -> None:
    """What a team has opened by its URL, nobody else holds."""
    before = handles()
    async with team(url) as asked:
        await asked.arun("Which?", thread_id="t")
        assert len(handles()) > len(before)
    assert handles() == before


async def test_a_person_keeps_it_open(url: str) -> None:
    """Teams that come and go share the store that a lease keeps open; a lease of it is a share."""
    before, storage = handles(), open_storage(url)
    async with Lease(storage) as store:
        for db in (storage, Lease(storage)):
            async with team(db) as asked:
                await asked.arun("Which?")
                assert await storage.opened() is store
        await storage.aclose()
        assert store.index is not None
        assert len(await store.index.ls()) == 2
    assert handles() == before


async def test_a_holder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    """A team that nobody has closed does not keep the store from being closed."""
    before, storage = handles(), open_storage(f"sqlite:///{tmp_path}/threads.db")
    await Lease(storage).opened()
    gc.collect()
    await Lease(storage).aclose()
    assert handles() == before


async def test_whoever_is_cancelled_while_it_opens_holds_nothing(tmp_path: Path) -> None:
    """The store is closed as soon as it is open."""
    before, storage = handles(), open_storage(f"sqlite:///{tmp_path}/threads.db")

    async def hold() -> None:
        async with Lease(storage):
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert handles() == before
    assert leftovers() == set()


def test_runs_one_after_another_have_loops_of_their_own(url: str) -> None:
    """`run` opens and closes one storage for each run, also beside a team that is closed."""
    before, storage = handles(), open_storage(url)
    first, second = team(storage), team(storage)
    for asked, thread in ((first, "a"), (first, "b"), (second, "b")):
        assert asked.run("Which?", thread_id=thread).outcome == "settled"
        assert handles() == before
    asyncio.run(first.aclose())
    assert second.resume("b").outcome == "settled"
    assert handles() == before
