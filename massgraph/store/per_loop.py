"""A storage that opens one store for each event loop."""

from __future__ import annotations

import asyncio
import logging
import os
from abc import abstractmethod
from typing import TypeAlias
from weakref import WeakSet

from ..nodes.log_line import LogLine
from .base import Storage, Store
from .to_the_end import to_the_end

logger = logging.getLogger("massgraph.store")

_Key: TypeAlias = "tuple[int, asyncio.AbstractEventLoop]"


class _Shared:
    """A store that is open on a loop, or being opened.

    Args:
        opening: Opens it.
    """

    def __init__(self, opening: asyncio.Task[Store]) -> None:
        self.opening = opening
        self.holders = WeakSet[object]()
        """Who is gone without letting go holds nothing any more."""

    @property
    def store(self) -> Store | None:
        """The store, once it is open."""
        task = self.opening
        if not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    async def aclose(self) -> None:
        """Close the store, once it is open."""
        await asyncio.wait({self.opening})
        if self.store is not None:
            await self.store.aclose()


class StoragePerLoop(Storage):
    """Opens a store once for each running event loop, and closes it when its last holder lets go.

    Connections are not shared with other loops, nor with a process that was forked off. A store
    whose loop was closed before it is let go as soon as another loop asks.
    """

    def __init__(self) -> None:
        self._shared: dict[_Key, _Shared] = {}

    @abstractmethod
    async def _open(self) -> Store:
        """Open a store on the running loop."""

    async def _told(self) -> Store:
        store = await self._open()
        logger.info(LogLine("store opened", url=store.url))
        return store

    async def opened(self) -> Store:
        """Return the running loop's store, opened if it is not; it stays open until `aclose`."""
        return await self.opened_for(self)

    async def aclose(self) -> None:
        """Let go of the running loop's store; it is closed unless somebody else holds it."""
        await self.let_go(self)

    async def opened_for(self, holder: object) -> Store:
        """Return the running loop's store; it stays open until this holder lets go of it."""
        key = _here()
        shared = self._shared.get(key)
        if shared is None:
            self._forget()
            shared = self._shared[key] = _Shared(asyncio.create_task(self._told()))
        shared.holders.add(holder)
        try:
            return await asyncio.shield(shared.opening)
        except BaseException:
            failed = shared.opening.done() and shared.store is None
            if failed and self._shared.get(key) is shared:  # another one may have tried again
                del self._shared[key]
            raise

    async def let_go(self, holder: object) -> None:
        """Let go of the running loop's store for a holder; the last one closes it."""
        shared = self._shared.get(_here())
        if shared is None:
            return
        shared.holders.discard(holder)
        if not shared.holders:
            del self._shared[_here()]
            await to_the_end(shared.aclose())

    def _forget(self) -> None:
        """Let the stores of closed loops go; those of another process are not ours to close."""
        for key, shared in list(self._shared.items()):
            if key[0] == os.getpid() and key[1].is_closed():
                self._shared.pop(key, None)
                if shared.store is not None:
                    shared.store.abandon()


def _here() -> _Key:
    return os.getpid(), asyncio.get_running_loop()
