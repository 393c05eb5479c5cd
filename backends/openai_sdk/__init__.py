"""The OpenAI SDK: its client, and what it raises."""

from __future__ import annotations
