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
        task.add_done_callback(_see)  # nobody waits for it any more
        await asyncio.wait({task})
        raise


def _see(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
