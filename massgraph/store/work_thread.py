"""A thread for what waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .complaints import AwayError

T = TypeVar("T")


class WorkThread:
    """Where the connections of a store are used: one piece of work after the other.

    Args:
        url: The database, for messages.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="massgraph-store")

    async def do(self, work: Callable[..., T], *args: Any) -> T:
        """Return what a function returns in the thread.

        Raises:
            AwayError: When the thread has ended.
        """
        loop = asyncio.get_running_loop()
        try:
            done = loop.run_in_executor(self._executor, work, *args)
        except RuntimeError as exc:
            raise AwayError(f"The database {self.url} is closed.") from exc
        return await done

    def end(self) -> None:
        """End the thread, once its work is done."""
        self._executor.shutdown()

    def end_after(self, work: Callable[[], object]) -> None:
        """End the thread after one more piece of work, without waiting for either."""
        self._executor.submit(work)
        self._executor.shutdown(wait=False)
