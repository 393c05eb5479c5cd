"""Gemini, by Google's generate-content API."""

from __future__ import annotations

from .adapter import GeminiBackend as GeminiBackend
