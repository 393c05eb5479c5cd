"""Work that is not left half done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, and return its result.

    Whoever is cancelled meanwhile waits for the end, once: a statement whose transaction is
    never ended would keep everybody else out of the database.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen: nobody waits for it any more
        raise
