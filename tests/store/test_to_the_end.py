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
