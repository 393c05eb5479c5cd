"""The writes that are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class Writes:
    """The tasks that write, and the thread that each of them writes to."""

    def __init__(self) -> None:
        self._writing: dict[asyncio.Task[Any], str] = {}

    @contextmanager
    def counted(self, thread_id: str) -> Generator[None]:
        """Count the running task among those that write to a thread."""
        task = asyncio.current_task()
        assert task is not None
        self._writing[task] = thread_id
        try:
            yield
        finally:
            self._writing.pop(task, None)

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a thread is under way.

        Those of other threads are none of its business: in a busy program they never end.
        """
        while writing := [task for task, thread in self._writing.items() if thread == thread_id]:
            await asyncio.wait(writing)
