"""Work that is not left half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(
    work: Coroutine[Any, Any, T],
    *,
    late_s: float | None = None,
    late: Callable[[], object] | None = None,
) -> T:
    """Run a coroutine to its end, and return its result.

    Whoever is cancelled meanwhile waits for the end, once: a statement whose transaction is
    never ended would keep everybody else out of the database.

    Args:
        work: The coroutine.
        late_s: For how many seconds who was cancelled waits; None for as long as it takes.
        late: What makes the work end then; it is cancelled without.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_see)  # nobody waits for it any more
        if late_s is not None:
            timer = asyncio.get_running_loop().call_later(late_s, late or task.cancel)
            task.add_done_callback(lambda _: timer.cancel())
        await asyncio.wait({task})
        raise


def _see(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
