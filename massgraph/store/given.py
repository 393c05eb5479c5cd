"""A checkpointer that a person has given: LangGraph's checkpoints alone, without a journal."""

from __future__ import annotations

import threading
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .base import Storage, Store
from .complaints import busy

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_lock = threading.Lock()
_held: weakref.WeakKeyDictionary[object, set[str]] = weakref.WeakKeyDictionary()


@asynccontextmanager
async def held_here(owner: object, thread_id: str) -> AsyncGenerator[None]:
    """Hold a thread in this process while the block runs; LangGraph itself refuses no second run.

    Args:
        owner: Whose thread: a checkpointer or a store.
        thread_id: The thread.

    Raises:
        UserError: When a run is going on on the thread already.
    """
    with _lock:
        running = _held.setdefault(owner, set())
        if thread_id in running:
            raise busy(thread_id)
        running.add(thread_id)
    try:
        yield
    finally:
        with _lock:
            running.discard(thread_id)


def is_held_here(owner: object, thread_id: str) -> bool:
    """Return whether a thread is held in this process."""
    with _lock:
        return thread_id in _held.get(owner, ())


class GivenStore(Store):
    """A person's checkpointer, which they open and close themselves.

    Args:
        saver: The checkpointer.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self.url = f"the given {type(saver).__name__}"
        self.saver = saver

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold a thread while the block runs: one run at a time, in this process."""
        async with held_here(self.saver, thread_id):
            yield

    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread in this process."""
        return is_held_here(self.saver, thread_id)

    async def trim(self, thread_id: str) -> None:
        """Leave everything as it is: no checkpointer can remove a part of a thread."""

    async def rm(self, thread_id: str) -> None:
        """Remove a thread's checkpoints."""
        await self.saver.adelete_thread(thread_id)

    async def check(self, thread_id: str) -> list[str]:
        """Return nothing: a person's checkpointer has checks of its own, or none."""
        return []

    async def aclose(self) -> None:
        """Leave it open: who has opened it closes it."""


class GivenStorage(Storage):
    """A place for threads that is a person's checkpointer.

    Args:
        saver: The checkpointer.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self._store = GivenStore(saver)
        self.url = self._store.url

    @property
    def key(self) -> object:
        """The checkpointer."""
        return self._store.saver

    async def opened(self) -> Store:
        """Return the store."""
        return self._store

    async def aclose(self) -> None:
        """Leave it open: who has opened it closes it."""
