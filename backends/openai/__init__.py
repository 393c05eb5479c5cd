"""OpenAI, by its Responses API."""

from __future__ import annotations

from .adapter import OpenAIBackend as OpenAIBackend
