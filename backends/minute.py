"""A minute that slides: what was spent in the last 60 seconds, and when there is room again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MINUTE_S = 60.0


@dataclass(slots=True)
class Spent:
    """What was spent at a time."""

    at: float
    amount: int


class Minute:
    """What was spent in the last 60 seconds.

    Args:
        most: How much it may be; None keeps no account at all.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._spent: deque[Spent] = deque()
        self._sum = 0

    def wait(self, amount: int, now: float) -> float:
        """Return the seconds until there is room for so much.

        What is more than a minute allows may go when nothing has been spent for a minute.
        """
        if self._most is None:
            return 0.0
        self._forget(now)
        too_much = self._sum + min(amount, self._most) - self._most
        until = now
        for spent in self._spent:
            if too_much <= 0:
                break
            too_much -= spent.amount
            until = spent.at + MINUTE_S
        return until - now

    def add(self, amount: int, now: float) -> Spent:
        """Spend so much."""
        spent = Spent(now, amount)
        if self._most is not None:
            self._forget(now)
            self._spent.append(spent)
            self._sum += amount
        return spent

    def give_back(self, spent: Spent, amount: int, now: float) -> None:
        """Take back so much of what was spent, as far as it still counts."""
        if self._most is not None:
            self._forget(now)
            amount = min(amount, spent.amount)
            spent.amount -= amount
            if spent.at + MINUTE_S > now:
                self._sum -= amount

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0].at + MINUTE_S <= now:
            self._sum -= self._spent.popleft().amount
