"""What is used of the events of a `/responses` stream.

Keys that are missing or null mean nothing, unknown ones are ignored. What has the wrong type is
refused.
"""

from __future__ import annotations

from typing import Any

from ..wire import Text, Wire


class Piece(Wire):
    """An event that belongs to a place of the output: a fragment, or the whole of it."""

    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: Text | None = None
    arguments: Text | None = None
    annotation: dict[str, Any] | None = None


class Part(Wire):
    """A part of a message, or of a summary."""

    text: Text | None = None
    refusal: Text | None = None
    annotations: tuple[dict[str, Any], ...] | None = None


class Item(Wire):
    """An item of the output, as far as its type has these keys."""

    type: str
    call_id: Text | None = None
    name: Text | None = None
    arguments: Text | None = None
    content: tuple[Part, ...] | None = None
    summary: tuple[Part, ...] | None = None


class ItemEvent(Wire):
    """An event that holds a whole item."""

    output_index: int = 0
    item: dict[str, Any]


class _Details(Wire):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Usage(Wire):
    """The tokens of a response; the keys of one provider mean nothing at the other."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    server_side_tool_usage_details: dict[str, int | None] | None = None
    cost_in_usd_ticks: int | None = None

    def counts(self) -> dict[str, int]:
        """Return the tokens in genai-prices' units."""
        sent = self.input_tokens_details or _Details()
        received = self.output_tokens_details or _Details()
        return {
            "input_tokens": self.input_tokens or 0,
            "cache_read_tokens": sent.cached_tokens or 0,
            "cache_write_tokens": sent.cache_write_tokens or 0,
            "output_tokens": self.output_tokens or 0,
            "output_reasoning_tokens": received.reasoning_tokens or 0,
        }


class _Why(Wire):
    reason: str | None = None


class Response(Wire):
    """A response that has ended."""

    output: tuple[dict[str, Any], ...] | None = None
    usage: Usage | None = None
    incomplete_details: _Why | None = None
    error: dict[str, Any] | None = None
    service_tier: str | None = None


class Ended(Wire):
    """An event that ends the response."""

    response: Response
