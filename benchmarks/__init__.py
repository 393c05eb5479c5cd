"""Reproducible measurements; not a part of the package."""

from __future__ import annotations
