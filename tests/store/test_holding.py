"""One run at a time on a thread."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from massgraph.backends.errors import StoreError, UserError
from massgraph.store import GivenStorage, Storage, Store, open_storage
from massgraph.store.sqlite_saver import SqliteSaver

HOLDER = """
import asyncio, sys
from massgraph.store import open_storage

async def main():
    file, server = [await open_storage(url).opened() for url in sys.argv[1:]]
    async with file.hold("t"), server.hold("t"):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""

BUSY = "A run is going on on the thread 't' already."


async def test_a_second_run_is_refused(store: Store) -> None:
    """A thread is held once, others meanwhile; afterwards it is free, also after an error."""
    assert not await store.is_held("t")
    with pytest.raises(ValueError, match="boom"):  # noqa: PT012 - it leaves through both holds
        async with store.hold("t"), store.hold("other"):
            assert await store.is_held("t")
            with pytest.raises(UserError, match=BUSY):
                await store.hold("t").__aenter__()
            raise ValueError("boom")
    assert not await store.is_held("t")
    async with store.hold("t"):
        pass


async def test_a_given_checkpointer_is_held_by_whoever_has_it() -> None:
    """Two storages of one checkpointer share its holds."""
    saver = (await open_storage("memory:").opened()).saver
    first, second = [await GivenStorage(saver).opened() for _ in range(2)]
    async with first.hold("t"):
        assert await second.is_held("t")
        with pytest.raises(UserError, match=BUSY):
            await second.hold("t").__aenter__()


async def test_another_process_holds(tmp_path: Path, database: str) -> None:
    """Another process's hold counts, and ends with it when it is killed."""
    urls = [f"sqlite:///{tmp_path}/threads.db", database]
    storages = [open_storage(url) for url in urls]
    stores = [await storage.opened() for storage in storages]
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, *urls, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    for store in stores:
        assert await store.is_held("t")
        with pytest.raises(UserError, match=BUSY):
            await store.hold("t").__aenter__()
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    for store in stores:
        while await store.is_held("t"):  # noqa: ASYNC110 - a server notices the cut socket a moment later
            await asyncio.sleep(0.01)
        async with store.hold("t"):
            pass
    for storage in storages:
        await storage.aclose()


async def test_no_lock_stays(tmp_path: Path) -> None:
    """The folder of locks is its user's alone, and is empty when nobody runs."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    locks = tmp_path / "threads.db-locks"
    async with store.hold("t"):
        assert [path.name for path in locks.iterdir()] == ["t"]
        assert (locks / "t").stat().st_mode & 0o777 == 0o600
        assert locks.stat().st_mode & 0o777 == 0o700
    assert list(locks.iterdir()) == []
    await storage.aclose()


async def test_a_removed_lock_is_not_believed(tmp_path: Path) -> None:
    """Many who come and go hold the thread one at a time, though each removes the file."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    inside = 0

    async def visit() -> None:
        nonlocal inside
        for _ in range(20):
            try:
                async with store.hold("t"):
                    inside += 1
                    assert inside == 1
                    await asyncio.sleep(0)
                    inside -= 1
            except UserError:
                await asyncio.sleep(0)

    await asyncio.gather(*(visit() for _ in range(5)))
    await storage.aclose()


async def test_a_link_in_a_locks_place_is_refused(tmp_path: Path) -> None:
    """A lock is not taken through a link."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    victim = tmp_path / "victim"
    (tmp_path / "threads.db-locks" / "t").symlink_to(victim)
    with pytest.raises(StoreError, match=r"can't be taken.* --db memory:") as caught:
        await store.hold("t").__aenter__()
    assert str(caught.value).count("threads.db-locks") == 1
    assert not victim.exists()
    await storage.aclose()


async def test_ids_that_are_no_names(storage: Storage) -> None:
    """A thread's id leads nowhere else."""
    if open_storage("memory:").url == storage.url or "postgresql" in storage.url:
        return
    store = await storage.opened()
    for odd in ("../x", ".opening", "", "a/b"):
        with pytest.raises(UserError, match="can't be a thread's id"):
            await store.hold(odd).__aenter__()


async def test_the_end_of_a_run_waits_for_its_own_writes(tmp_path: Path) -> None:
    """Not for those of other threads, which in a busy program never end."""
    storage = open_storage(f"sqlite:///{tmp_path}/threads.db")
    store = await storage.opened()
    saver = store.saver
    assert isinstance(saver, SqliteSaver)
    ours, theirs = asyncio.Event(), asyncio.Event()

    async def write(thread_id: str, until: asyncio.Event) -> None:
        with saver._counted({"configurable": {"thread_id": thread_id}}):
            await until.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write("t", ours))
        tasks.create_task(write("other", theirs))
        await asyncio.sleep(0)
        waiting = tasks.create_task(store.idle("t"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        ours.set()
        await asyncio.wait_for(waiting, 5.0)
        theirs.set()
    await storage.aclose()
