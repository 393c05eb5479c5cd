"""A call that names another model than its backend."""

from __future__ import annotations

from typing import Any

import pytest

from massgraph.backends.chunks import UsageChunk
from massgraph.backends.errors import BadRequestError
from tests.providers.seats import SEATS
from tests.wire.server import LoopbackServer
from tests.wire.turn import WireTurn

from .contract import QUESTION


async def asked(
    provider: str, model: str, other: str, /, **options: Any
) -> tuple[list[dict[str, Any]], list[float | None]]:
    """Return the bodies, and the costs, of a call of the backend's model and one of the other."""
    with LoopbackServer([WireTurn(text="Hi.")] * 2) as server:
        backend = SEATS[provider].open(server.origin, model=model, **options)
        costs: list[float | None] = []
        for params in ({}, {"model": other}):
            chunks = [chunk async for chunk in backend.stream_with_tools(QUESTION, (), **params)]
            costs += [c.usage.estimated_cost for c in chunks if isinstance(c, UsageChunk)]
        await backend.aclose()
        assert [request.model for request in server.requests] == [model, other]
        assert server.connections_made == 1
        return [request.body for request in server.requests], costs


async def test_claude() -> None:
    """Thinking goes to those who think, and `max_tokens` is what the model can write."""
    (mine, other), costs = await asked("claude", "claude-opus-5-5", "claude-3-5-haiku-20241022")
    assert mine["thinking"]["type"] == "adaptive"
    assert "thinking" not in other
    assert (mine["max_tokens"], other["max_tokens"]) == (32_000, 8_192)
    assert costs[0] != costs[1]


async def test_openai() -> None:
    """Reasoning is asked back of those who reason, and sampling goes to those who take it."""
    (mine, other), costs = await asked("openai", "o3", "gpt-4o", temperature=0.5)
    assert "temperature" not in mine
    assert other["temperature"] == 0.5
    assert mine["include"]
    assert not other.get("include")
    assert costs[0] != costs[1]


async def test_grok() -> None:
    """An effort goes to those who take one."""
    options = {"reasoning_effort": "low"}
    (mine, other), _ = await asked("grok", "grok-4.5", "grok-4", **options)
    assert mine["reasoning"]["effort"] == "low"
    assert "effort" not in (other.get("reasoning") or {})


async def test_gemini() -> None:
    """An effort is a level, or a budget in tokens."""
    options = {"reasoning_effort": "low"}
    (mine, other), _ = await asked("gemini", "gemini-3-flash", "gemini-2.5-flash", **options)
    assert mine["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "LOW"
    assert other["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 1024


async def test_a_model_that_lacks_what_is_on() -> None:
    """It is refused before anything is sent; the backend goes on."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        backend = SEATS["openai"].open(server.origin, model="gpt-4o", enable_web_search=True)
        with pytest.raises(BadRequestError, match="gpt-4-turbo: enable_web_search: this model"):
            async for _ in backend.stream_with_tools(QUESTION, (), model="gpt-4-turbo"):
                pass
        assert not server.requests
        assert [chunk async for chunk in backend.stream_with_tools(QUESTION, ())]
        await backend.aclose()
