"""A small model inside this process."""

from __future__ import annotations

from .adapter import LocalBackend as LocalBackend
