"""The ledger: what is reserved, what is refused, and what a call has used in the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from massgraph import Budget, UserError
from massgraph.backends.base import ToolSchema
from massgraph.backends.scripted import ScriptedBackend
from massgraph.nodes.amount import Amount, Estimate, expected
from massgraph.nodes.ledger import OUTPUT_TOKENS, Account, Ledger, Refusal, Reservation
from massgraph.nodes.state import Usage, no_usage

OPEN = Budget()
SMALL = Estimate(10, 5, 0.1)


def used(**figures: Any) -> Usage:
    """Return a usage with these figures."""
    return Usage(**{**no_usage(), "calls": 1, **figures})


def reserve(ledger: Ledger, agent: str = "a", **limits: Any) -> Reservation | Refusal:
    """Reserve a small call under the run's limits."""
    return ledger.reserve(agent, SMALL, run=Budget(**limits), own=OPEN)


@pytest.mark.parametrize(
    ("limits", "which"),
    [
        ({"max_calls": 2}, "max_calls"),
        ({"max_tokens": 30}, "max_tokens"),
        ({"max_tokens": 44}, "max_tokens"),
        ({"max_cost_usd": 0.2}, "max_cost_usd"),
        ({"max_cost_usd": 0.2999}, "max_cost_usd"),
    ],
)
def test_what_is_in_flight_counts(limits: dict[str, Any], which: str) -> None:
    """Two calls that run leave nothing for a third, which is told once what is used up."""
    ledger = Ledger()
    assert isinstance(reserve(ledger, **limits), Reservation)
    assert isinstance(reserve(ledger, "b", **limits), Reservation)
    assert reserve(ledger, "c", **limits) == Refusal(which, None, first=True)  # type: ignore[arg-type]
    assert reserve(ledger, "c", **limits) == Refusal(which, None, first=False)  # type: ignore[arg-type]


def test_a_call_that_used_less_leaves_the_rest() -> None:
    """What was held and not used can be reserved again; calls that never began count nothing."""
    ledger = Ledger()
    first = reserve(ledger, max_calls=1)
    assert isinstance(first, Reservation)
    ledger.settle(first, no_usage())
    second = reserve(ledger, max_tokens=15, max_calls=1)
    assert isinstance(second, Reservation)
    ledger.settle(second, used(input_tokens=1))
    assert isinstance(reserve(ledger, max_tokens=16), Reservation)


def test_an_agents_own_budget_is_its_own() -> None:
    """It refuses that agent alone, by its name."""
    ledger, own = Ledger(), Budget(max_calls=1)
    assert isinstance(ledger.reserve("a", SMALL, run=OPEN, own=own), Reservation)
    assert ledger.reserve("a", SMALL, run=OPEN, own=own) == Refusal("max_calls", "a", first=True)
    assert isinstance(ledger.reserve("b", SMALL, run=OPEN, own=own), Reservation)


@pytest.mark.parametrize(
    ("usage", "tokens", "cost"),
    [
        (used(input_tokens=3, output_tokens=4, cost_usd=0.5), 7, 0.5),
        (used(input_tokens=3, output_tokens=4, wasted_tokens=2, stopped=1, cost_usd=0.5), 9, 0.5),
        (used(wasted_tokens=2, stopped=1), 12, 0.1),  # it told nothing: its input is known
        (used(input_tokens=3, output_tokens=4), 7, 0.1),  # nobody told the price
        (used(calls=0), 0, 0.0),
    ],
)
def test_what_a_call_has_used(usage: Usage, tokens: int, cost: float) -> None:
    """Tokens in, out and wasted; the expected input and price where nothing was told."""
    ledger = Ledger()
    held = reserve(ledger)
    assert isinstance(held, Reservation)
    ledger.settle(held, usage)
    fits = {"max_tokens": tokens + 15, "max_cost_usd": cost + 0.1}
    assert isinstance(reserve(ledger, **fits), Reservation)
    for short in ({"max_tokens": tokens + 14 + 15}, {"max_cost_usd": cost + 0.19}):
        assert isinstance(reserve(ledger, **short), Refusal)


def test_a_resumed_run_knows_what_was_spent() -> None:
    """A new ledger learns it from the state; what it has seen itself is not counted twice."""
    ledger = Ledger()
    account = Account(ledger, "a", Budget(max_calls=3), OPEN, {"a": used(), "b": used()})
    backend = ScriptedBackend([{"new_answer": "x"}])
    held = account.reserve(backend, [HumanMessage("q")], [])
    assert isinstance(held, Reservation)
    assert isinstance(account.reserve(backend, [HumanMessage("q")], []), Refusal)
    account.settle(held, used())
    later = Account(ledger, "b", Budget(max_calls=4), OPEN, {"a": used(calls=2), "b": used()})
    assert isinstance(later.reserve(backend, [HumanMessage("q")], []), Reservation)
    assert isinstance(later.reserve(backend, [HumanMessage("q")], []), Refusal)


def test_nothing_is_counted_where_nothing_is_limited() -> None:
    """Without a budget, a call is not estimated at all."""
    account = Account(Ledger(), "a", OPEN, OPEN, {})
    assert account.reserve(ScriptedBackend([{"new_answer": "x"}]), [], []) is None


def test_the_estimate() -> None:
    """Characters / 4 of messages, calls and tools; the longest reply so far, or the limit of it."""
    backend = ScriptedBackend([{"new_answer": "x"}])
    call = {"name": "f", "args": {"x": "y" * 40}, "id": "1", "type": "tool_call"}
    messages = [HumanMessage("q" * 400), AIMessage("", tool_calls=[call])]
    estimate = expected(backend, messages, [ToolSchema("t" * 40)], longest=OUTPUT_TOKENS)
    assert 120 <= estimate.input_tokens <= 150
    assert (estimate.output_tokens, estimate.cost_usd) == (OUTPUT_TOKENS, 0.0)
    backend.longest_reply = 7
    assert expected(backend, messages, [], longest=900).output_tokens == 7


def test_longer_replies_are_learnt() -> None:
    """The largest output of the run is what the next call may take."""
    ledger = Ledger()
    for tokens, longest in ((10, OUTPUT_TOKENS), (900, 900), (600, 900)):
        held = reserve(ledger)
        assert isinstance(held, Reservation)
        ledger.settle(held, used(output_tokens=tokens))
        assert ledger.longest_reply == longest


def test_an_unknown_price_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A plain graph goes on with what is known, and warns once an agent."""
    ledger = Ledger()
    for _ in range(2):
        ledger.reserve("a", Estimate(1, 1, None), run=Budget(max_cost_usd=1.0), own=OPEN)
    assert [record.message for record in caplog.records] == [
        "The price of a's calls is not known: max_cost_usd can't hold."
    ]


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 60), st.booleans()), max_size=30),
    st.integers(1, 300),
    st.integers(1, 10),
)
def test_a_limit_is_passed_by_no_more_than_what_was_not_foreseen(
    calls: list[tuple[int, int, bool]], max_tokens: int, max_calls: int
) -> None:
    """What is reserved fits; what is spent is more only as far as calls took more than foreseen."""
    ledger, run = Ledger(), Budget(max_tokens=max_tokens, max_calls=max_calls)
    spent, more, begun = 0, 0, 0
    flying: list[tuple[Reservation, int]] = []
    for size, real, lands in calls:
        held = ledger.reserve("a", Estimate(size, 0, 0.0), run=run, own=OPEN)
        if isinstance(held, Reservation):
            begun += 1
            flying.append((held, real))
        if lands and flying:
            landed, tokens = flying.pop()
            ledger.settle(landed, used(input_tokens=tokens))
            spent += tokens
            more += max(0, tokens - landed.estimate.input_tokens)
    assert begun <= max_calls
    assert spent <= max_tokens + more


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"max_calls": 0}, "budget: max_calls: "),
        ({"max_calls": "3"}, "budget: max_calls: "),
        ({"max_tokens": 1.5}, "budget: max_tokens: "),
        ({"max_cost_usd": 0}, "budget: max_cost_usd: "),
        ({"calls": 3}, "budget: calls: unknown key"),
    ],
)
def test_a_budget_that_is_none(keys: dict[str, Any], said: str) -> None:
    """It is refused by the key that is wrong."""
    with pytest.raises(UserError) as caught:
        Budget(**keys)
    assert str(caught.value).startswith(said)
    with pytest.raises(UserError):
        Budget.of(keys)


def test_amounts_add_up() -> None:
    """Sums and maxima go figure by figure."""
    one, other = Amount(1, 5, 0.5), Amount(2, 3, 0.25)
    assert one + other == Amount(3, 8, 0.75)
    assert one.at_least(other) == Amount(2, 5, 0.5)
