"""How a batch goes on, in words: pure functions of what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .known import Count
from .spent import Spent


@dataclass(frozen=True, slots=True)
class Progress:
    """How a batch stands at a moment.

    Args:
        count: What is counted.
        spent: What was used.
        seconds: How long this process has worked.
    """

    count: Count
    spent: Spent
    seconds: float

    @property
    def rate(self) -> float:
        """Questions that end in a second, of those that this process has asked."""
        here = self.count.done - self.count.before
        return here / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done, if it goes on like this; None where nobody knows."""
        left = self.count.total - self.count.done
        return left / self.rate if self.rate and left else None

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return self.count.done / self.count.total if self.count.total else 1.0

    def parts(self) -> Iterator[str]:
        """Give out what there is to tell, the most important first."""
        count = self.count
        yield f"{count.done:,}/{count.total:,}"
        yield f"{count.answered:,} answered"
        failed = count.unanswered + count.bad
        if failed:
            yield f"{failed:,} failed"
        if self.left_s is not None:
            yield f"{duration(self.left_s)} left"
        if self.rate:
            yield f"{self.rate:.1f}/s" if self.rate >= 1 else f"{60 * self.rate:.1f}/min"
        yield f"{compact(self.spent.tokens)} tokens"
        yield cost(self.spent)

    def text(self, width: int = 1000) -> str:
        """Return what there is to tell, as much as fits.

        Args:
            width: Columns.
        """
        told = ""
        for part in self.parts():
            longer = f"{told}, {part}" if told else part
            if told and len(longer) > width:
                break
            told = longer
        return told


def duration(seconds: float) -> str:
    """Return a duration as people say it: 42 s, 3:07, 2:03:07."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def compact(number: int) -> str:
    """Return a number in few characters: 950, 12.3k, 4.5M."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return str(number)


def cost(spent: Spent) -> str:
    """Return what was spent; what is not known is not called nothing."""
    if not spent.unpriced:
        return f"${spent.cost_usd:,.2f}"
    if not spent.cost_usd:
        return "cost not known"
    return f"${spent.cost_usd:,.2f} and {spent.unpriced:,} of unknown cost"
