"""Telemetry: runs as OpenTelemetry traces and metrics, by the conventions for generative AI.

    from massgraph.telemetry import Telemetry

    team = Team([...])
    team.observers.append(Telemetry())

It needs the extra `otel`. What is sent, and what is not, stands in docs/telemetry.md.
"""

from __future__ import annotations

from .telemetry import Telemetry as Telemetry

__all__ = ["Telemetry"]
