"""What a call costs."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from massgraph.backends.prices import TOOL_PRICES, Tariff

MODELS = [
    ("gpt-5.4", "openai", 2.5, 0.25, 15.0),
    ("claude-opus-5-5", "anthropic", 4.0, 0.2, 20.0),
    ("grok-4.5", "x-ai", 2.0, 0.3, 6.0),
]
"""Model, provider, US dollars for a million tokens: sent, read from a cache, received."""


@pytest.mark.parametrize(("model", "provider", "sent", "cached", "received"), MODELS)
def test_tokens(model: str, provider: str, sent: float, cached: float, received: float) -> None:
    """Cached tokens are part of the tokens sent, and cost less."""
    usage = Tariff(model, provider).usage(
        {"input_tokens": 10_000, "cache_read_tokens": 6_000, "output_tokens": 1_000}
    )
    wanted = (4_000 * sent + 6_000 * cached + 1_000 * received) / 1e6
    assert usage.estimated_cost == pytest.approx(wanted)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (10_000, 6_000, 1_000)


def test_cache_writes_cost_extra() -> None:
    """What is written into a cache costs more than what is not."""
    tariff = Tariff("claude-opus-5-5", "anthropic")
    plain, written = {"input_tokens": 1_000}, {"input_tokens": 1_000, "cache_write_tokens": 1_000}
    assert tariff.cost(written) == pytest.approx(1.25 * (tariff.cost(plain) or 0))


@pytest.mark.parametrize(
    ("model", "provider"), [("gpt-5.4", "openai"), ("claude-opus-5-5", "anthropic")]
)
def test_searches(model: str, provider: str) -> None:
    """A web search costs ten dollars the thousand, beside its tokens."""
    tariff = Tariff(model, provider)
    assert tariff.cost({"web_searches": 3}) == pytest.approx(0.03)
    assert tariff.cost({"input_tokens": 5, "web_searches": 0}) == tariff.cost({"input_tokens": 5})


def test_other_builtin_tools() -> None:
    """Containers have a price of their own."""
    tariff = Tariff("gpt-5.4", "openai")
    assert tariff.cost({"containers": 2}) == pytest.approx(2 * TOOL_PRICES["openai"]["containers"])


@pytest.mark.parametrize(
    ("tariff", "counts"),
    [
        (Tariff("gpt-99-nova", "openai"), {"input_tokens": 5}),
        (Tariff("gpt-5.4", url="http://127.0.0.1:8000/v1"), {"input_tokens": 5}),
        (Tariff("gpt-4o", "openai"), {"input_tokens": 5, "containers": 1, "fetches": 1}),
        (Tariff("claude-2", "anthropic"), {"input_tokens": 5, "web_searches": 1}),
    ],
)
def test_unknown_stays_unknown(tariff: Tariff, counts: dict[str, int]) -> None:
    """A model, a server or a tool without a known price makes the price unknown, never 0."""
    assert tariff.cost(counts) is None
    assert tariff.usage(counts).input_tokens == 5


def test_a_server_that_is_known_by_its_url() -> None:
    """A known provider's URL is enough."""
    assert Tariff("gpt-5.4", url="https://api.openai.com/v1").cost({"input_tokens": 10**6}) == 5.0


def test_figures_that_make_no_sense(caplog: pytest.LogCaptureFixture) -> None:
    """More cached tokens than tokens: said in the log, and of no price."""
    with caplog.at_level(logging.WARNING, "massgraph"):
        assert Tariff("gpt-5.4", "openai").cost({"input_tokens": 1, "cache_read_tokens": 5}) is None
    assert "makes no sense" in caplog.text


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 10**5))
def test_more_costs_more(sent: int, received: int, more: int, searches: int) -> None:
    """The price grows with every figure, and what is cached never costs more."""
    tariff = Tariff("claude-opus-5-5", "anthropic")
    counts = {"input_tokens": sent, "output_tokens": received}
    plain = tariff.cost(counts) or 0.0
    dearer = tariff.cost({**counts, "output_tokens": received + more, "web_searches": searches})
    cheaper = tariff.cost({**counts, "cache_read_tokens": sent // 2})
    assert (dearer or 0.0) >= plain >= (cheaper or 0.0)
