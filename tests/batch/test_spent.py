"""What a batch may use, and what it is told to have used."""

from __future__ import annotations

import pytest

from massgraph.batch.known import Count
from massgraph.batch.progress import Progress, compact, cost, duration
from massgraph.batch.spent import Purse, Spent
from massgraph.nodes.budget import NO_BUDGET, Budget


def test_usage_is_summed_as_budgets_do() -> None:
    """Tokens in, out and wasted; a cost that nobody knows is counted as such."""
    usage = {"calls": 2, "input_tokens": 3, "output_tokens": 4, "wasted_tokens": 5}
    assert Spent.of({**usage, "cost_usd": None}) == Spent(2, 12, 0.0, 1)
    assert Spent.of({**usage, "cost_usd": 0.5}) == Spent(2, 12, 0.5)
    assert Spent.from_dict(Spent(2, 12, 0.5).to_dict()) == Spent(2, 12, 0.5)


def test_without_a_budget_there_is_always_room() -> None:
    """And whatever was used."""
    purse = Purse(NO_BUDGET, NO_BUDGET)
    purse.spend(Spent(10**9, 10**9, 1e9))
    assert purse.short_of(100) is None


def test_the_first_questions_begin_as_long_as_anything_is_left() -> None:
    """Nothing is known of what they take."""
    purse = Purse(Budget(max_calls=1), NO_BUDGET)
    assert purse.short_of(50) is None
    purse.spend(Spent(calls=1))
    assert purse.short_of(0) == "calls"


@pytest.mark.parametrize(
    ("budget", "spent", "short"),
    [
        (Budget(max_calls=30), Spent(calls=10), "calls"),
        (Budget(max_tokens=30), Spent(tokens=10), "tokens"),
        (Budget(max_cost_usd=0.3), Spent(cost_usd=0.1), "cost"),
    ],
)
def test_a_question_needs_room_for_what_the_largest_took(
    budget: Budget, spent: Spent, short: str
) -> None:
    """Those under way are counted as well."""
    purse = Purse(budget, NO_BUDGET)
    purse.spend(spent)
    assert [purse.short_of(running) for running in (0, 1, 2)] == [None, None, short]


def test_a_limit_of_the_policy_is_what_a_question_takes() -> None:
    """So the budget holds from the first question on."""
    purse = Purse(Budget(max_calls=10), Budget(max_calls=5))
    assert [purse.short_of(running) for running in (0, 1, 2)] == [None, None, "calls"]
    purse.spend(Spent(calls=2))
    assert [purse.short_of(running) for running in (0, 1)] == [None, "calls"]


def test_progress_tells_what_fits() -> None:
    """The most important first; what this process has not asked does not count for its pace."""
    progress = Progress(Count(10, 4, 1, 1, before=2), Spent(9, 12_345, 0.5), 2.0)
    assert progress.text() == "6/10, 4 answered, 2 failed, 2 s left, 2.0/s, 12.3k tokens, $0.50"
    assert progress.text(20) == "6/10, 4 answered"
    assert progress.text(1) == "6/10"
    assert Progress(Count(10, 4, before=4), Spent(), 2.0).left_s is None


def test_figures_are_short() -> None:
    """And a cost that nobody knows is not called nothing."""
    assert [duration(s) for s in (0.2, 59, 187, 7387)] == ["0 s", "59 s", "3:07", "2:03:07"]
    assert [compact(n) for n in (7, 1234, 4_500_000, 2 * 10**9)] == ["7", "1.2k", "4.5M", "2.0G"]
    assert cost(Spent(unpriced=2)) == "cost not known"
    assert cost(Spent(cost_usd=1.5, unpriced=2)) == "$1.50 and 2 of unknown cost"
