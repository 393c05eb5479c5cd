"""Playing: a record that is played back, as if it were a run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from ..nodes.events import Event


class Playing:
    """Gives out events in their time; made on the event loop that plays them.

    Args:
        paced: Each event, with the seconds to wait before it.
    """

    def __init__(self, paced: Iterable[tuple[Event, float]]) -> None:
        self._paced = paced
        self._stopped = asyncio.Event()

    def cancel(self) -> None:
        """Stop at once."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before its end."""
        return self._stopped.is_set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Give out the events; whoever is slow is waited for, and then caught up with."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for event, wait_s in self._paced:
            due += wait_s
            if (left_s := due - loop.time()) > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), left_s)
            if self.stopped:
                return
            yield event
