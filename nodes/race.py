"""`race`: the one helper that decides how every wait of an agent ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from .live import LiveRun
from .orders import Orders

T = TypeVar("T")

GRACE_S = 0.25
"""How long a stopped provider or tool may take to stop before the round goes on without it."""

Stop = Literal["cancelled", "retried", "released", "hard", "call", "idle", "soft"]
"""Why a wait was ended: a person's order, a peer's answer or vote, the round's or the call's
deadline, silence, soon due."""


@dataclass(slots=True)
class Watch:
    """What may end a wait before its work does. All times are those of `LiveRun.now`, in seconds.

    Args:
        hard: When the work is cut in any case.
        soft: When work that has not begun its action is cut.
        begun: Whether the work has begun its action.
        orders: What a person orders of the agent.
        afresh: Whether the work can be begun afresh, if that is ordered.
        released: The round's signal.
        spared: Whether the signal leaves this work alone, asked once when it is set.
        call: When this call has taken too long.
        idle_s: The longest silence.
        heard: When the work was heard last; later than now while silence is in order.
    """

    hard: float = math.inf
    soft: float = math.inf
    begun: Callable[[], bool] = lambda: False
    orders: Orders | None = None
    afresh: bool = True
    released: asyncio.Event | None = None
    spared: Callable[[], bool] = lambda: True
    call: float = math.inf
    idle_s: float = math.inf
    heard: float = math.inf

    def stop(self, now: float) -> Stop | None:  # noqa: PLR0911 - one row for each reason
        """Return why the work must stop now, if it must."""
        order = self.orders.order if self.orders is not None else None
        if order == "cancelled":
            return order
        if self.released is not None and self.released.is_set():
            if not self.spared():
                return "released"
            self.released = None
        if now >= self.hard:
            return "hard"
        if order == "retried" and self.afresh:
            return order
        if now >= self.call:
            return "call"
        if now >= self.heard + self.idle_s:
            return "idle"
        if now >= self.soft and not self.begun():
            return "soft"
        return None

    @property
    def signals(self) -> list[asyncio.Event]:
        """What is worth a look as soon as it is set."""
        news = self.orders.news if self.orders is not None else None
        return [event for event in (news, self.released) if event is not None]

    def next_look(self, now: float) -> float | None:
        """Return the seconds until a deadline may have passed, or None without deadlines."""
        dates = [self.hard, self.call, self.heard + self.idle_s]
        if now < self.soft:
            dates.append(self.soft)
        soonest = min(dates)
        # A hair more than the date, or rounding makes the look come just before it.
        return None if math.isinf(soonest) else max(0.0, soonest - now) + 1e-6


async def race(work: Callable[[], Coroutine[Any, Any, T]], watch: Watch, live: LiveRun) -> T | Stop:
    """Run `work()` until it ends or `watch` ends it.

    Work that does not stop within GRACE_S after its cancellation is handed to the run, and the
    wait is over all the same.

    Args:
        work: Starts the work; not called when it would have to stop at once.
        watch: What may end the wait.
        live: The run that owns what does not stop.

    Returns:
        What the work returned, or why it was stopped.

    Raises:
        Exception: What the work raised; RuntimeError when it cancelled itself.
    """
    stopped = watch.stop(live.now)
    if stopped is not None:
        return stopped
    with live.waiting():
        return await _ended(asyncio.create_task(work()), watch, live)


async def _ended(task: asyncio.Task[T], watch: Watch, live: LiveRun) -> T | Stop:
    """Wait for work that has begun; see `race`."""
    signals = [asyncio.create_task(event.wait()) for event in watch.signals]
    try:
        while not task.done():
            await asyncio.wait(
                {task, *(signal for signal in signals if not signal.done())},
                timeout=watch.next_look(live.now),
                return_when=asyncio.FIRST_COMPLETED,
            )
            stopped = None if task.done() else watch.stop(live.now)
            if stopped is not None:
                return stopped
        if task.cancelled():  # by itself: a cancellation that nobody asked for ends no run
            raise RuntimeError("cancelled from within")
        return task.result()
    finally:
        for signal in signals:
            signal.cancel()
        if not task.done():
            await _cancel(task, live)


async def _cancel(task: asyncio.Task[Any], live: LiveRun) -> None:
    task.cancel()
    try:
        await asyncio.wait({task}, timeout=GRACE_S)
    finally:
        if not task.done():
            live.adopt(task)
    if task.done() and not task.cancelled():
        task.exception()  # retrieved: what a stopped call says is of no interest any more


def check_not_stopped() -> None:
    """End the running task if it was stopped: what it has come to since then is to be dropped.

    For work that may have gone on as if it had not been cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
