"""A storage that opens one store for each event loop."""

from __future__ import annotations

import asyncio
import logging
import os
from abc import abstractmethod
from typing import TypeAlias

from ..nodes.log_line import LogLine
from .base import Storage, Store

logger = logging.getLogger("massgraph.store")

_Key: TypeAlias = "tuple[int, asyncio.AbstractEventLoop]"


class StoragePerLoop(Storage):
    """Opens a store once for each running event loop, however many ask at once.

    Connections are not shared with other loops, nor with a process that was forked off. A store
    whose loop was closed before it is let go as soon as another loop asks.
    """

    def __init__(self) -> None:
        self._opening: dict[_Key, asyncio.Task[Store]] = {}

    @abstractmethod
    async def _open(self) -> Store:
        """Open a store on the running loop."""

    async def _told(self) -> Store:
        store = await self._open()
        logger.info(LogLine("store opened", url=store.url))
        return store

    async def opened(self) -> Store:
        """Return the running loop's store, opened if it is not."""
        key = os.getpid(), asyncio.get_running_loop()
        task = self._opening.get(key)
        if task is None:
            self._forget()
            task = self._opening[key] = asyncio.create_task(self._told())
        try:
            return await asyncio.shield(task)
        except BaseException:
            failed = task.done() and (task.cancelled() or task.exception() is not None)
            if failed and self._opening.get(key) is task:  # another one may have tried again
                del self._opening[key]
            raise

    async def aclose(self) -> None:
        """Close the running loop's store, if it is open."""
        task = self._opening.pop((os.getpid(), asyncio.get_running_loop()), None)
        if task is None:
            return
        await asyncio.wait({task})
        if not task.cancelled() and task.exception() is None:
            await task.result().aclose()

    def _forget(self) -> None:
        """Let the stores of closed loops go; those of another process are not ours to close."""
        for key, task in list(self._opening.items()):
            if key[0] == os.getpid() and key[1].is_closed():
                self._opening.pop(key, None)
                if task.done() and not task.cancelled() and task.exception() is None:
                    task.result().abandon()
