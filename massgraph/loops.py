"""Event loops for callers that have none, or that must not wait on their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
Closing = Callable[[], Coroutine[Any, Any, None]]


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
        try:
            self.call(_clear_up())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def call(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for it, from another thread.

        Whatever interrupts the wait cancels the coroutine, and is raised once that has ended. A
        second interruption is raised at once.

        Raises:
            CancelledError: When the coroutine was cancelled, or cancelled itself.
        """
        call = _Call(coro, self._loop)
        try:
            self._loop.call_soon_threadsafe(call.begin)
            call.ended.wait()
        except BaseException:
            self._loop.call_soon_threadsafe(call.cancel)
            call.ended.wait()
            raise
        return call.result()


class _Call(Generic[T]):
    """A coroutine that one thread waits for while another one's event loop runs it."""

    def __init__(self, coro: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> None:
        self.ended = threading.Event()
        self._coro, self._loop = coro, loop
        self._task: asyncio.Task[tuple[T | None, BaseException | None]] | None = None

    def begin(self) -> None:
        """Begin; called on the loop."""
        self._task = self._loop.create_task(_caught(self._coro))
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Cancel what was begun, if anything was; called on the loop."""
        if self._task is None:
            self._end()
        else:
            self._task.cancel()

    def _end(self, _: object = None) -> None:
        self._coro.close()  # a task that was cancelled before its first step never took it
        self.ended.set()

    def result(self) -> T:
        """Return, or raise, what the coroutine came to."""
        assert self._task is not None
        value, error = self._task.result()
        if error is not None:
            raise error
        return value  # type: ignore[return-value]


async def _caught(coro: Coroutine[Any, Any, T]) -> tuple[T | None, BaseException | None]:
    """Return what a coroutine comes to: an exception that ends a loop must not end this one."""
    try:
        return await coro, None
    except asyncio.CancelledError:
        raise
    except BaseException as exc:
        return None, exc


async def _clear_up() -> None:
    """Leave nothing behind on the running loop, as `asyncio.run` does."""
    loop = asyncio.get_running_loop()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    for task in left:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            message = "A task that was left raised an exception."
            loop.call_exception_handler({"message": message, "exception": error, "task": task})
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def loop_runs() -> bool:
    """Return whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_anywhere(work: Callable[[], Coroutine[Any, Any, T]], close: Closing) -> T:
    """Run some work to its end, also where an event loop runs already (a notebook).

    Args:
        work: The work.
        close: Closes at the end what it has opened, on the same event loop.
    """
    closing = _then(work, close)
    if not loop_runs():
        return asyncio.run(closing)
    with LoopThread() as loop:
        return loop.call(closing)


def iterate_anywhere(items: AsyncGenerator[T, None], close: Closing) -> Iterator[T]:
    """Give out what an async generator gives, which goes on while the caller does something else.

    Args:
        items: The generator; it is closed at the end.
        close: Closes then what else was opened, on the same event loop.
    """
    with LoopThread() as loop:
        try:
            while True:
                try:
                    item = loop.call(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            loop.call(_close(items))
            loop.call(close())


async def _then(work: Callable[[], Coroutine[Any, Any, T]], close: Closing) -> T:
    try:
        return await work()
    finally:
        await close()


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)


async def _close(items: AsyncGenerator[Any, None]) -> None:
    await items.aclose()
