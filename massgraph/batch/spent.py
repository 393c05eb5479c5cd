"""What questions have used, and what a whole batch may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ..nodes.amount import HAIR
from ..nodes.budget import BudgetFields


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used.

    Args:
        calls: Provider calls.
        tokens: Tokens in, out and wasted.
        cost_usd: US dollars, as far as they are known.
        unpriced: Questions whose cost is not known.
    """

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Self:
        """Return what one result's usage comes to."""
        tokens = sum(usage.get(f"{kind}_tokens", 0) for kind in ("input", "output", "wasted"))
        calls, cost = usage.get("calls", 0), usage.get("cost_usd")
        return cls(calls, tokens, cost or 0.0, int(cost is None and calls > 0))

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Return what `to_dict` has told."""
        return cls(**{name: given[name] for name in cls.__slots__ if name in given})

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def __add__(self, other: Spent) -> Spent:
        """Return the sum."""
        return Spent(
            self.calls + other.calls,
            self.tokens + other.tokens,
            self.cost_usd + other.cost_usd,
            self.unpriced + other.unpriced,
        )

    def __bool__(self) -> bool:
        """Return whether anything was used."""
        return self != Spent()

    def largest(self, other: Spent) -> Spent:
        """Return the larger one of each figure."""
        return Spent(
            max(self.calls, other.calls),
            max(self.tokens, other.tokens),
            max(self.cost_usd, other.cost_usd),
        )

    def times(self, number: int) -> Spent:
        """Return so many of it."""
        return Spent(self.calls * number, self.tokens * number, self.cost_usd * number)


class Purse:
    """What a batch may use: a question begins where there is room for what it will take.

    It takes as much as its policy lets a run take; where that says nothing, as much as the
    question that took most so far. Of the first ones nothing is known: they begin as long as
    anything is left.

    Args:
        budget: What all questions may use together.
        of_run: What a run's own policy lets it use.
    """

    def __init__(self, budget: BudgetFields, of_run: BudgetFields) -> None:
        self.budget = budget
        self.spent = Spent()
        self._of_run = of_run
        self._largest = Spent()

    def spend(self, spent: Spent) -> None:
        """Take in what a question has used."""
        self.spent += spent
        self._largest = self._largest.largest(spent)

    def short_of(self, running: int) -> str | None:
        """Return what there is not enough of for one more question, or None.

        Args:
            running: How many are under way.
        """
        one = self._expected
        ahead = self.spent + one.times(running + 1)
        for name, most, used, expected, step in (
            ("calls", self.budget.max_calls, ahead.calls, one.calls, 1),
            ("tokens", self.budget.max_tokens, ahead.tokens, one.tokens, 1),
            ("cost", self.budget.max_cost_usd, ahead.cost_usd, one.cost_usd, 2 * HAIR),
        ):
            if most is not None and used + (0 if expected else step) > most + HAIR:
                return name
        return None

    @property
    def _expected(self) -> Spent:
        """What a question will probably take."""
        run, largest = self._of_run, self._largest
        return Spent(
            run.max_calls or largest.calls,
            run.max_tokens or largest.tokens,
            run.max_cost_usd or largest.cost_usd,
        )
