"""Blocking work off the event loop, in a thread that ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


async def off_loop(function: Callable[[], T]) -> T:
    """Run a function in a thread, and return its result once the thread has ended.

    It is `asyncio.to_thread` without the pool, whose threads stay until the event loop is closed.
    A function cannot be stopped: whoever is cancelled meanwhile waits for its end, once.
    """
    context, loop = copy_context(), asyncio.get_running_loop()
    thread = ThreadPoolExecutor(1, thread_name_prefix="massgraph-work")
    work = loop.run_in_executor(thread, lambda: context.run(function))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # seen: nobody waits for it any more
        raise
    finally:
        thread.shutdown(wait=work.done())
