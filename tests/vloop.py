"""An event loop whose clock jumps: waiting takes no time, and load does not change a result.

For scenarios in which all waiting is done by asyncio itself (`sleep`, timeouts, events). Sockets
and threads run in real time, which this clock does not know.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STUCK_AFTER_S = 5.0
"""Real seconds without an event, with no timer set, before a scenario counts as stuck."""

Ready = list[tuple[selectors.SelectorKey, int]]


class _Clock(selectors.DefaultSelector):
    """Where a selector would sleep until the next timer, this one turns its clock forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Ready:
        if timeout is None:
            ready = super().select(STUCK_AFTER_S)
            if not ready:
                raise RuntimeError("Every task waits, and nothing is left to wake one.")
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            self.now = max(self.now + timeout, math.nextafter(self.now, math.inf))
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock that starts at 0."""

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._clock.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run the function here and now: the clock would run away from a thread."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as exc:
            future.set_exception(exc)
        return future


def run_virtual(coro: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on a virtual clock, and return its result."""
    results: list[T] = []

    async def run() -> None:
        results.append(await coro)  # a runner writes out its task, result and all, to no end

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    return results[0]
