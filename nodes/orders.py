"""What a person has ordered of an agent while its run runs. Never checkpointed."""

from __future__ import annotations

import asyncio
from typing import Literal

Order = Literal["cancelled", "retried"]


class Orders:
    """The orders for one agent: to stop for the rest of the question, or to be asked afresh."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        """Set while an order waits to be seen."""
        self._order: Order | None = None

    @property
    def order(self) -> Order | None:
        """What is ordered now; `cancelled` holds until the agent is retried."""
        return self._order

    def cancel(self) -> None:
        """Stop it: it sits out the rest of the question."""
        self._order = "cancelled"
        self.news.set()

    def retry(self) -> None:
        """Ask it afresh."""
        self._order = "retried"
        self.news.set()

    def take_retry(self) -> bool:
        """Return whether it is to be asked afresh, and take that as done."""
        if self._order != "retried":
            return False
        self._order = None
        self.news.clear()
        return True
