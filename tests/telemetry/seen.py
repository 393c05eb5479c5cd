"""What a run has sent, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from massgraph.telemetry import Telemetry


class _Open(SpanProcessor):
    """Counts the spans that are open."""

    def __init__(self) -> None:
        self.number = 0

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.number += 1

    def on_end(self, span: ReadableSpan) -> None:
        self.number -= 1


class Seen:
    """An observer of runs, and what it has sent.

    Args:
        content: Whether texts are sent.
    """

    def __init__(self, *, content: bool = False) -> None:
        self._memory, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._memory))
        self._open = _Open()
        self.tracers.add_span_processor(self._open)
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.telemetry = Telemetry(
            tracer_provider=self.tracers, meter_provider=meters, content=content
        )

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """All spans that have ended, in the order of their beginnings."""
        return sorted(self._memory.get_finished_spans(), key=lambda span: span.start_time or 0)

    @property
    def left_open(self) -> int:
        """How many spans have begun, and not ended."""
        return self._open.number

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans whose name begins so."""
        return [span for span in self.spans if span.name.startswith(name)]

    def one(self, name: str) -> dict[str, Any]:
        """Return the attributes of the only span of a name."""
        [span] = self.named(name)
        return dict(span.attributes or {})

    def tree(self) -> list[str]:
        """Return all spans, each below its parent."""
        known = {_id(span) for span in self.spans}
        return [
            line
            for span in self.spans
            if span.parent is None or span.parent.span_id not in known
            for line in self._below(span, 0)
        ]

    def _below(self, span: ReadableSpan, depth: int) -> list[str]:
        inside = [s for s in self.spans if s.parent and s.parent.span_id == _id(span)]
        return [
            "  " * depth + span.name,
            *(line for one in inside for line in self._below(one, depth + 1)),
        ]

    def text(self) -> str:
        """Return everything that was sent of spans, as one text."""
        return "\n".join(str(span.to_json()) for span in self.spans)

    def points(self) -> dict[tuple[str, str], Any]:
        """Return what was measured: by the metric, and the kind of token or error."""
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            (metric.name, str(of.get("gen_ai.token.type", of.get("error.type", "")))): point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            for of in [dict(point.attributes or {})]
        }


def seconds(span: ReadableSpan) -> float:
    """Return how long a span took."""
    assert span.start_time is not None
    assert span.end_time is not None
    return round((span.end_time - span.start_time) / 1e9, 3)


def failure(span: ReadableSpan) -> tuple[str, Any]:
    """Return the status of a span, and the type of its error."""
    return span.status.status_code.name, (span.attributes or {}).get("error.type")


def _id(span: ReadableSpan) -> int:
    return span.get_span_context().span_id
