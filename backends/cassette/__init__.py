"""Cassettes: replies that were recorded once, and are played again without a provider."""

from __future__ import annotations

from .record import RecordBackend as RecordBackend
from .replay import ReplayBackend as ReplayBackend
