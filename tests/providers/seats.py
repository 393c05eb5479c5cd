"""How each provider's backend is opened at a server on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from massgraph.backends.base import LLMBackend
from massgraph.backends.registry import build_backend

KEY = "key-5f3a9c-of-the-loopback"
"""The key of every seat: it may be in no message, log, event, repr or traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One provider at the table.

    Args:
        provider: Its name in the registry.
        model: One of its models.
        path: What its `base_url` has behind the origin of the wire server.
        llmock: What llmock calls it.
    """

    provider: str
    model: str
    path: str
    llmock: str

    def open(self, origin: str, *, model: str | None = None, **options: Any) -> LLMBackend:
        """Return a backend of a server.

        Args:
            origin: Where the server is, without a path.
            model: Another model.
            **options: Further arguments of the adapter.
        """
        return self.at(f"{origin}{self.path}", model=model, **options)

    def at(self, base_url: str, *, model: str | None = None, **options: Any) -> LLMBackend:
        """Return a backend of a `base_url`."""
        spec = f"{self.provider}:{model or self.model}"
        return build_backend(spec, **{"base_url": base_url, "api_key": KEY, **options})


SEATS: Mapping[str, Seat] = {
    seat.provider: seat
    for seat in (
        Seat(provider="openai", model="gpt-5.4", path="/v1", llmock="openai"),
        Seat(provider="claude", model="claude-sonnet-5", path="", llmock="anthropic"),
        Seat(provider="gemini", model="gemini-3.8-flash", path="", llmock="gemini"),
        Seat(provider="grok", model="grok-4.5", path="/xai/v1", llmock="openai"),
        Seat(provider="chat_completions", model="m", path="/v1", llmock="openai"),
    )
}
