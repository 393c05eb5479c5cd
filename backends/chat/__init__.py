"""The chat-completions wire: requests and frames."""

from __future__ import annotations
