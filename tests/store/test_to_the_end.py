"""Work that is not left half done."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from massgraph.store.to_the_end import to_the_end


async def test_whoever_is_cancelled_twice_leaves_nothing_unseen() -> None:
    """The work goes on to its end alone; how it fails is nobody's business, and no warning's."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    held = asyncio.Event()

    async def work() -> None:
        await held.wait()
        raise OSError("the disk is full")

    waiting = asyncio.create_task(to_the_end(work()))
    for _ in range(2):
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.wait({waiting})
    held.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert waiting.cancelled()
    del waiting
    gc.collect()
    assert not told


async def test_whoever_is_cancelled_waits_for_so_long() -> None:
    """What takes too long then is cancelled as well, or ended as is wished for."""
    never = asyncio.Event()
    waiting = asyncio.create_task(to_the_end(_waits(never), late_s=0.0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(asyncio.wait({waiting}), 5.0)
    assert waiting.cancelled()

    late = asyncio.Event()
    waiting = asyncio.create_task(to_the_end(_waits(late), late_s=0.0, late=late.set))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait_for(asyncio.wait({waiting}), 5.0)
    assert waiting.cancelled()
    assert late.is_set()
    assert not never.is_set()


async def _waits(event: asyncio.Event) -> None:
    await event.wait()
