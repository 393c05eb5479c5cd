"""Check a run against the protocol's invariants, from its events alone."""

from __future__ import annotations
