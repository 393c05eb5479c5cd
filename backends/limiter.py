"""The rate limiter: one queue for all calls of an account, on whatever event loop they run.

A minute slides: within any 60 seconds no more begins than the limits say, however a provider
counts. (A bucket that holds a whole minute would let twice as much through in the first one.)
Nothing here belongs to an event loop. The state is behind a lock that is never held over an
`await`; a waiting call sleeps on its own loop, is woken there, and takes its turn by itself, so
that one which is cancelled has taken nothing.
"""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from .errors import RateLimitError, UserError
from .limits import Limits
from .minute import Minute, Spent

LOOK_EVERY_S = 1.0
"""How long a waiting call sleeps at most: those ahead of it may have gone without a word, with
their event loop."""

LONGEST_PAUSE_S = 120.0
"""A provider that wants a longer pause than this has nothing for a call that waits: it fails."""

_HAIR_S = 1e-6
"""More than a date, or rounding makes the look come just before it."""


class Limiter:
    """Lets the calls of one account begin in the order in which they came.

    Args:
        limits: What they may use together.
        name: What to call the account in messages.
    """

    def __init__(self, limits: Limits, name: str = "the provider") -> None:
        self.limits = limits
        self.name = name
        # A lock that its own thread may take again: to collect garbage ends calls anywhere.
        self._lock = threading.RLock()
        self._requests = Minute(limits.requests_per_minute)
        self._tokens = Minute(limits.tokens_per_minute)
        self._queue: dict[Place, None] = {}
        self._running: set[Place] = set()
        self._resume_at = -math.inf
        self._now, self._offset = -math.inf, 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.limits})"

    def enter(self, tokens: int = 0) -> Place:
        """Return a new place at the end of the queue; to leave it, or to end the call, close it.

        Args:
            tokens: What the call will probably use.
        """
        place = Place(self, tokens)
        with self._lock:
            self._queue[place] = None
        return place

    def pause(self, seconds: float) -> None:
        """Let no call begin for so long: the provider has asked for it."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._time() + seconds)

    @property
    def pause_s(self) -> float:
        """Seconds that are left of the pause for which the provider has asked."""
        return max(0.0, self._resume_at - self._time())

    def admit(self, place: Place) -> float:
        """Let a call begin, if it may: return 0, or the seconds until it may be worth a look.

        Raises:
            RateLimitError: When the provider has asked for a pause that is not worth waiting for.
        """
        with self._lock:
            now = self._time()
            paused = self._resume_at - now
            if paused > LONGEST_PAUSE_S:
                raise RateLimitError(
                    f"{self.name} asked for a pause, of which {paused:.0f} s are left.",
                    retry_after=paused,
                )
            if place is not next(filter(Place.can_begin, self._queue), None):
                return math.inf
            wait = max(paused, self._wait(place.tokens, now))
            if wait > 0:
                return wait + _HAIR_S
            del self._queue[place]
            self._running.add(place)
            self._requests.add(1, now)
            place.spent = self._tokens.add(place.tokens, now)
            self._wake_first()
            return 0.0

    def correct(self, spent: Spent, more: int) -> None:
        """Count so many tokens more for a call that runs, or fewer."""
        with self._lock:
            now = self._time()
            if more > 0:
                self._tokens.add(more, now)  # they came since it began
            else:
                self._tokens.give_back(spent, -more, now)
                self._wake_first()

    def leave(self, place: Place) -> None:
        """Forget a call, whether it waits or runs."""
        with self._lock:
            self._queue.pop(place, None)
            self._running.discard(place)
            self._wake_first()

    def _wait(self, tokens: int, now: float) -> float:
        most = self.limits.concurrent_calls
        if most is not None and len(self._running) >= most:
            self._running = {place for place in self._running if not place.loop.is_closed()}
            if len(self._running) >= most:
                return math.inf
        return max(self._requests.wait(1, now), self._tokens.wait(tokens, now))

    def _wake_first(self) -> None:
        first = next(filter(Place.can_begin, self._queue), None)
        if first is not None:
            first.wake()

    def _time(self) -> float:
        """Return the running loop's time, made to go forward.

        Event loops share the machine's clock, give or take what a loop caches. One that is far
        behind has a clock of its own, and is taken to go on from here.
        """
        time = asyncio.get_running_loop().time() + self._offset
        if time < self._now - 1.0:
            self._offset += self._now - time
        self._now = max(self._now, time)
        return self._now


class Place:
    """A call's place with a limiter: in its queue, then among the calls that run.

    Made by `Limiter.enter`; a context manager that closes it.
    """

    def __init__(self, limiter: Limiter, tokens: int) -> None:
        self.tokens = tokens
        """What is counted for the call."""
        self.spent: Spent | None = None
        """Where it is counted, once the call has begun."""
        self.loop = asyncio.get_running_loop()
        self._limiter = limiter
        self._looking = False
        self._alarm: asyncio.Future[None] | None = None

    async def begins(self, within: float = math.inf) -> bool:
        """Wait until the call may begin, and return whether it may by now.

        A place whose owner does not wait keeps its rank, and lets others pass meanwhile.

        Args:
            within: Seconds to wait at most.

        Raises:
            RateLimitError: When the provider has asked for a pause that is not worth waiting for.
        """
        if self.spent is not None:
            return True
        until = self.loop.time() + within
        self._looking = True
        try:
            while (wait := self._limiter.admit(self)) > 0:
                left = until - self.loop.time()
                if left <= 0:
                    return False
                await self._sleep(min(wait, left, LOOK_EVERY_S))
        finally:
            self._looking = False
        return True

    def used(self, tokens: int) -> None:
        """Count what the call has used in place of what was expected."""
        if self.spent is not None and tokens != self.tokens:
            self._limiter.correct(self.spent, tokens - self.tokens)
            self.tokens = tokens

    def close(self) -> None:
        """Leave the queue, or end the call; what has been used stays used."""
        self._limiter.leave(self)

    def can_begin(self) -> bool:
        """Return whether somebody waits here who could go on: loops are stopped and closed."""
        return self._looking and self.loop.is_running()

    def wake(self) -> None:
        """Make the place look again, from any thread."""
        with suppress(RuntimeError):  # the loop was closed just now: the next look passes it over
            self.loop.call_soon_threadsafe(self._ring)

    async def _sleep(self, seconds: float) -> None:
        self._alarm = self.loop.create_future()
        timer = self.loop.call_later(seconds, self._ring)
        try:
            await self._alarm
        finally:
            timer.cancel()
            self._alarm = None

    def _ring(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_limiters: WeakValueDictionary[str, Limiter] = WeakValueDictionary()
_making = threading.Lock()


def limiter_for(account: str, limits: Limits) -> Limiter:
    """Return the one limiter of an account in this process, for as long as somebody holds it.

    Args:
        account: See `account_of`.
        limits: Its limits, the same for all who ask.

    Raises:
        UserError: When the account has other limits in a backend that still lives.
    """
    with _making:
        kept = _limiters.get(account)
        if kept is not None and kept.limits != limits:
            del kept
            gc.collect()  # perhaps nobody uses it any more
            kept = _limiters.get(account)
        if kept is None:
            kept = _limiters[account] = Limiter(limits, _shown(account))
    if kept.limits != limits:
        raise UserError(
            f"The limits of {_shown(account)} are ({limits}) here, and ({kept.limits}) in another "
            "backend with the same key.",
            hint="Give all of them the same limits.",
        )
    return kept


def _shown(account: str) -> str:
    return account.partition(" (")[0]
