"""Who holds which engine: one engine for each model file, from its first holder to its last.

Everything here may be called from several threads and event loops at once.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar
from weakref import WeakSet

from .engine import Engine, EngineSettings

T = TypeVar("T")

MIN_SLOTS, MAX_SLOTS = 3, 8
"""Calls that an engine answers at once; each slot of the bundled model takes 50 MB."""

_lock = threading.Lock()
_shared: dict[EngineSettings, _Shared] = {}
_users: dict[EngineSettings, WeakSet[object]] = {}


def announce(settings: EngineSettings, user: object) -> None:
    """Count a user who may hold the engine later: there will be a slot for each."""
    with _lock:
        _users.setdefault(settings, WeakSet()).add(user)


class Lease:
    """A holder's share in the engine of these settings; the engine is loaded for the first one."""

    def __init__(self, settings: EngineSettings) -> None:
        with _lock:
            shared = _shared.get(settings)
            if shared is None:
                slots = max(MIN_SLOTS, min(len(_users.get(settings, ())), MAX_SLOTS))
                shared = _shared[settings] = _Shared(settings, slots)
            shared.leases += 1
        self._shared = shared
        self._released = False

    async def engine(self) -> Engine:
        """Return the engine as soon as it is loaded.

        Raises:
            UserError: When the engine cannot be imported, or cannot load the file.
        """
        return await self._shared.loading.join()

    def release(self) -> Work[None] | None:
        """Give the share back; the last one closes the engine in a thread, which is returned."""
        with _lock:
            if self._released:
                return None
            self._released = True
            self._shared.leases -= 1
            if self._shared.leases:
                return None
            _shared.pop(self._shared.settings, None)
        return Work(self._shared.close, "massgraph-local-close")


class _Shared:
    """An engine while it is held."""

    def __init__(self, settings: EngineSettings, slots: int) -> None:
        self.settings = settings
        self.leases = 0
        self.loading = Work(lambda: Engine(settings, slots), "massgraph-local-load")

    def close(self) -> None:
        with suppress(Exception):  # those who waited for the engine have been told
            self.loading.result().close()


class Work(Generic[T]):
    """A function in a thread that ends with it: nothing stays behind, as it would with a pool."""

    def __init__(self, function: Callable[[], T], name: str) -> None:
        self._future: Future[T] = Future()
        # Running from the start: one waiter that is cancelled must not cancel the others.
        self._future.set_running_or_notify_cancel()
        self._thread = threading.Thread(target=self._run, args=(function,), name=name)
        self._thread.start()

    def _run(self, function: Callable[[], T]) -> None:
        try:
            self._future.set_result(function())
        except BaseException as exc:
            self._future.set_exception(exc)

    def result(self) -> T:
        """Block until the work is done, and return its result."""
        return self._future.result()

    async def join(self) -> T:
        """Await the result, and that the thread is gone."""
        try:
            return await asyncio.wrap_future(self._future)
        finally:
            if self._future.done():
                self._thread.join()


@atexit.register
def _close_all() -> None:
    """Close what nobody closed: the engine's own threads must end before the interpreter."""
    with _lock:
        left = list(_shared.values())
        _shared.clear()
    for shared in left:
        shared.close()
