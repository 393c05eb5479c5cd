"""Meters: how long calls take, and how many tokens they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..nodes import events as ev
from .attributes import ERROR, MODEL, OPERATION, PROVIDER, Attributes, of_call

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

TOKENS = tuple(4**power for power in range(14))
"""Where the buckets of `gen_ai.client.token.usage` end, as the conventions give them."""

SECONDS = tuple(0.01 * 2**power for power in range(14))
"""Where the buckets of `gen_ai.client.operation.duration` end, as the conventions give them."""


class Meters:
    """The histograms of the conventions.

    Args:
        meter: Makes them.
    """

    def __init__(self, meter: Meter) -> None:
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._seconds = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )

    def take(self, event: ev.CallEnded) -> None:
        """Measure a call; one whose reply was stored was measured when it was made."""
        if event.replayed:
            return
        kept = (OPERATION, PROVIDER, MODEL)
        of: Attributes = {key: value for key, value in of_call(event).items() if key in kept}
        failed: Attributes = {} if event.failure is None else {ERROR: event.failure}
        self._seconds.record(event.seconds, {**of, **failed})
        used = {"input": event.usage["input_tokens"], "output": event.usage["output_tokens"]}
        if any(used.values()):
            for type_, tokens in used.items():
                self._tokens.record(tokens, {**of, "gen_ai.token.type": type_})
