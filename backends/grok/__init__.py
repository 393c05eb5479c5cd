"""Grok, by the APIs of xAI."""

from __future__ import annotations

from .adapter import GrokBackend as GrokBackend
