"""What a call cost, as its backend tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.messages import AnyMessage

from massgraph.backends.base import LLMBackend, ToolSchema
from massgraph.backends.chunks import DoneChunk, StreamChunk
from massgraph.backends.usage import TokenUsage


class Priced(LLMBackend):
    """A backend with a price list, which may be broken."""

    model = "m"

    def __init__(self, cents: float | None) -> None:
        super().__init__()
        self.cents = cents

    @property
    def provider_name(self) -> str:
        return "shop"

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        if self.cents is None:
            raise ValueError("no price list")
        return usage.input_tokens * self.cents / 100

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        yield DoneChunk()


def test_a_usage_with_its_price() -> None:
    """The backend's own price list counts, whatever the provider said."""
    usage = TokenUsage(input_tokens=2, estimated_cost=7.0)
    assert Priced(3).priced(usage) == TokenUsage(input_tokens=2, estimated_cost=0.06)


def test_a_price_that_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    """It is unknown, which a warning tells; the figures stay."""
    usage = TokenUsage(input_tokens=2, estimated_cost=7.0)
    assert Priced(None).priced(usage) == TokenUsage(input_tokens=2, estimated_cost=None)
    assert "shop:m cannot tell what a call cost." in caplog.text
