"""One object for each event loop."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest

from massgraph.backends.per_loop import PerLoop


class Maker:
    """Makes an object when it is let, and knows how often and where."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.begun, self.free = threading.Event(), threading.Event()

    async def has_begun(self) -> None:
        """Return once an object is being made."""
        while not self.begun.is_set():  # noqa: ASYNC110 - it happens in a thread
            await asyncio.sleep(0.001)

    def __call__(self) -> object:
        """Make one."""
        self.threads.append(threading.get_ident())
        self.begun.set()
        self.free.wait(5)
        return object()


async def test_many_at_once_get_one_object() -> None:
    """However many ask before it is there, it is made once, in a thread."""
    objects: PerLoop[object] = PerLoop()
    make = Maker()
    make.free.set()
    got = await asyncio.gather(*(objects.get(make) for _ in range(8)))
    assert len(set(map(id, got))) == 1
    assert len(make.threads) == 1
    assert threading.get_ident() not in make.threads
    assert await objects.take() is got[0]
    assert await objects.take() is None


async def test_who_takes_it_waits_until_it_is_made() -> None:
    """What is being opened while the owner closes is closed, too, and not left behind."""
    objects: PerLoop[object] = PerLoop()
    make = Maker()
    asking = asyncio.create_task(objects.get(make))
    await make.has_begun()
    taking = asyncio.create_task(objects.take())
    await asyncio.sleep(0.01)
    assert not taking.done()
    make.free.set()
    assert await taking is await asking
    assert len(objects) == 0


async def test_only_the_last_one_waits_for_its_end() -> None:
    """Of those who are cancelled meanwhile, the last one stays until the thread has ended."""
    before = set(threading.enumerate())
    objects: PerLoop[object] = PerLoop()
    make = Maker()
    first, last = (asyncio.create_task(objects.get(make)) for _ in range(2))
    await make.has_begun()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    last.cancel()
    await asyncio.sleep(0.01)
    assert not last.done()
    make.free.set()
    with pytest.raises(asyncio.CancelledError):
        await last
    assert set(threading.enumerate()) == before
    assert await objects.take() is not None, "it was made all the same"


async def test_a_failure_is_everybodys_and_is_forgotten() -> None:
    """All who wait are told why it could not be made; the next one tries again."""
    objects: PerLoop[object] = PerLoop()

    def fail() -> object:
        time.sleep(0.01)
        raise OSError("no")

    ends = await asyncio.gather(*(objects.get(fail) for _ in range(3)), return_exceptions=True)
    assert [type(end) for end in ends] == [OSError] * 3
    assert await objects.get(object) is not None


def test_loops_may_come_and_go_in_several_threads() -> None:
    """One thread's loop does not trip over another's, and gets an object of its own."""
    objects: PerLoop[object] = PerLoop()
    failed: list[BaseException] = []

    async def once() -> None:
        mine = await objects.get(object)
        assert await objects.get(object) is mine
        if random.random() < 0.5:
            assert await objects.take() is mine

    def work() -> None:
        try:
            for _ in range(40):
                asyncio.run(once())
        except BaseException as exc:
            failed.append(exc)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
