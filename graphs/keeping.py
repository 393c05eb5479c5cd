"""Keeper: what keeps a run while it runs, so that it can go on when its process has died."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AnyMessage

from ..nodes.events import Event
from ..nodes.journal import Journal
from ..nodes.record import ResultDict


class Keeper:
    """What is told of a run, and holds its thread. This one keeps nothing.

    Attributes:
        journal: Where replies are stored, once the run has begun.
    """

    journal: Journal | None = None

    def unasked(self, checkpoint_id: str | None) -> Sequence[AnyMessage] | None:
        """Return the conversation of a run that goes on, where nothing of it is stored yet.

        Args:
            checkpoint_id: The thread's newest checkpoint, if it has one.
        """
        return None

    @property
    def elapsed(self) -> float:
        """How many seconds a run that goes on had taken, as far as the keeper knows."""
        return 0.0

    async def begin(self) -> int:
        """Hold the thread, note that the run begins or goes on, and return the attempt's number.

        Raises:
            UserError: When a run is going on on the thread already.
            StoreError: When it can't be kept.
        """
        return 1

    def take(self, event: Event) -> None:
        """Take the next event; this must not block."""

    async def end(self, result: ResultDict | None) -> None:
        """Note how the run has ended, and let go of the thread; also where `begin` has failed.

        Args:
            result: The result; None where the run never began, or broke without one.
        """


NOTHING = Keeper()
"""What keeps no run."""
