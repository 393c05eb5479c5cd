"""Event loops for callers that have none, or that must not wait on their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own, as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="massgraph loop")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call(self._loop.shutdown_asyncgens())
        self.call(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it, from another thread.

        Whatever interrupts the wait cancels the coroutine, and waits until it has ended.
        """
        future = asyncio.run_coroutine_threadsafe(_caught(coro), self._loop)
        try:
            value, error = future.result()
        except BaseException:
            future.cancel()
            raise
        if error is not None:
            raise error
        return value  # type: ignore[return-value]


async def _caught(coro: Coroutine[Any, Any, T]) -> tuple[T | None, BaseException | None]:
    """Return what a coroutine comes to: a future cannot carry StopAsyncIteration as it is."""
    try:
        return await coro, None
    except asyncio.CancelledError:
        raise
    except BaseException as exc:
        return None, exc


def run_anywhere(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coro)
    with LoopThread() as loop:
        return loop.call(coro)
