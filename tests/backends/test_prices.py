"""What a call costs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from massgraph.backends.chat.frames import FrameReader
from massgraph.backends.chunks import UsageChunk
from massgraph.backends.prices import TOOL_PRICES, Tariff

from ..providers.seats import SEATS
from ..wire.brain import PAGES
from ..wire.reply import Reply, Request
from ..wire.routes import protocol_of
from ..wire.server import LoopbackServer
from ..wire.turn import WireTurn

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


# --- what genai-prices makes of the provider's own figures --------------------------------------

ANSWER = WireTurn(text="It rains.")
RESPONSES = {
    "input_tokens": 21_300,
    "input_tokens_details": {"cached_tokens": 9_000},
    "output_tokens": 1_700,
    "output_tokens_details": {"reasoning_tokens": 1_100},
    "total_tokens": 23_000,
}
WRITTEN = {"input_tokens_details": {"cached_tokens": 9_000, "cache_write_tokens": 6_000}}
MESSAGES = {
    "input_tokens": 310,
    "cache_creation_input_tokens": 7_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 7_000, "ephemeral_1h_input_tokens": 0},
    "cache_read_input_tokens": 40_000,
    "output_tokens": 900,
    "output_tokens_details": {"thinking_tokens": 250},
    "service_tier": "standard",
}
HOUR = {"cache_creation": {"ephemeral_5m_input_tokens": 3_000, "ephemeral_1h_input_tokens": 4_000}}
GEMINI = {
    "promptTokenCount": 5_000,
    "cachedContentTokenCount": 2_000,
    "candidatesTokenCount": 400,
    "thoughtsTokenCount": 350,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5_000}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 2_000}],
    "totalTokenCount": 5_750,
}
TOOL_USE = {
    "toolUsePromptTokenCount": 8_000,
    "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 8_000}],
    "totalTokenCount": 13_750,
}
CHAT = {
    "prompt_tokens": 12_000,
    "prompt_tokens_details": {"cached_tokens": 8_000, "audio_tokens": 0},
    "completion_tokens": 700,
    "completion_tokens_details": {"reasoning_tokens": 600, "audio_tokens": 0},
    "total_tokens": 12_700,
}


def theirs(raw: Mapping[str, Any], model: str, provider: str, flavor: str) -> float:
    """Return the price that genai-prices reads out of a provider's reply by itself."""
    from genai_prices import extract_usage

    keys = ("usageMetadata", "modelVersion") if provider == "google" else ("usage", "model")
    reply = dict(zip(keys, (raw, model), strict=True))
    found = extract_usage(reply, provider_id=provider, api_flavor=flavor)
    return float(found.calc_price().total_price)


def with_usage(frame: Any, raw: Mapping[str, Any]) -> Any:
    """Return a frame of a stream with these figures where it has any."""
    if not isinstance(frame, dict):
        return frame
    told = ("usage", "usageMetadata")
    return {k: raw if k in told and v else with_usage(v, raw) for k, v in frame.items()}


async def ours(
    raw: Mapping[str, Any], model: str, provider: str, turn: WireTurn = ANSWER, **options: Any
) -> float | None:
    """Return the price of a call that a backend reports, with its SDK, of these figures."""

    def reply(request: Request) -> Reply:
        whole = protocol_of(request).encode(turn, request)
        frames, closing = (
            tuple(with_usage(frame, raw) for frame in part)
            for part in (whole.frames, whole.closing)
        )
        return replace(whole, frames=frames, closing=closing)

    async with LoopbackServer(reply) as server:
        backend = SEATS[provider].open(server.origin, model=model, **options)
        stream = backend.stream_with_tools([HumanMessage("Why do rivers rise?")], ())
        told = [chunk.usage async for chunk in stream if isinstance(chunk, UsageChunk)]
        await backend.aclose()
    assert told
    return told[-1].estimated_cost


@pytest.mark.parametrize(
    ("raw", "model", "provider", "priced_as"),
    [
        (RESPONSES, "gpt-5.4", "openai", ("openai", "responses")),
        ({**RESPONSES, **WRITTEN}, "gpt-5.6", "openai", ("openai", "responses")),
        (RESPONSES, "grok-4.5", "grok", ("x-ai", "responses")),
        (MESSAGES, "claude-sonnet-5", "claude", ("anthropic", "default")),
        ({**MESSAGES, **HOUR}, "claude-opus-5-5", "claude", ("anthropic", "default")),
        (
            {**MESSAGES, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0}},
            "claude-sonnet-5",
            "claude",
            ("anthropic", "default"),
        ),
        (GEMINI, "gemini-3.8-flash", "gemini", ("google", "default")),
        ({**GEMINI, **TOOL_USE}, "gemini-3.8-flash", "gemini", ("google", "default")),
    ],
    ids=[
        "openai", "openai cache write", "grok", "claude 5 min", "claude 1 h", "claude searches",
        "gemini", "gemini tool use",
    ],
)  # fmt: skip
async def test_the_price_is_that_of_the_raw_figures(
    raw: Mapping[str, Any], model: str, provider: str, priced_as: tuple[str, str]
) -> None:
    """What a backend counts costs what genai-prices makes of the provider's own figures."""
    wanted = theirs(raw, model, *priced_as)
    assert wanted > 0
    assert await ours(raw, model, provider) == pytest.approx(wanted, rel=1e-9)


async def test_searches_of_openai_come_on_top() -> None:
    """OpenAI's figures hold no searches: each adds its price to that of the tokens."""
    searching = WireTurn(text="It rains.", searches=[("rivers", PAGES), ("rain", PAGES)])
    cost = await ours(RESPONSES, "gpt-5.4", "openai", searching, enable_web_search=True)
    assert cost == pytest.approx(theirs(RESPONSES, "gpt-5.4", "openai", "responses") + 2 * 0.01)


def chat_cost(raw: Mapping[str, Any], model: str, url: str) -> float | None:
    """Return the price that is read out of a frame of chat completions."""
    reader = FrameReader(Tariff(model, url=url))
    (chunk,) = reader.read({"choices": [], "usage": raw})
    assert isinstance(chunk, UsageChunk)
    return chunk.usage.estimated_cost


def test_chat_completions_cost_what_their_figures_say() -> None:
    """OpenAI counts reasoning in the completion; Grok beside it, as its total shows."""
    wanted = theirs(CHAT, "gpt-5.4", "openai", "chat")
    assert chat_cost(CHAT, "gpt-5.4", "https://api.openai.com/v1") == pytest.approx(wanted)
    beside = {**CHAT, "total_tokens": 13_300}
    wanted = theirs(beside, "grok-4.5", "x-ai", "chat")
    assert chat_cost(beside, "grok-4.5", "https://api.x.ai/v1") == pytest.approx(wanted)


def test_reasoning_is_paid_for_once() -> None:
    """Where Grok's total holds no more than prompt and completion, its reasoning is in the latter.

    genai-prices would add it all the same.
    """
    cost = chat_cost(CHAT, "grok-4.5", "https://api.x.ai/v1")
    assert cost == pytest.approx((4_000 * 2.0 + 8_000 * 0.3 + 700 * 6.0) / 1e6)
    assert cost < theirs(CHAT, "grok-4.5", "x-ai", "chat")
