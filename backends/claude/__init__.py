"""Claude, by the Messages API of Anthropic."""

from __future__ import annotations

from .adapter import ClaudeBackend as ClaudeBackend
