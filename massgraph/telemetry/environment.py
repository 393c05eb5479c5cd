"""What the environment says of where traces and metrics go, by OpenTelemetry's own variables.

The SDK reads most of them by itself: endpoints, headers, time limits, sampling, the resource. What
is read here is whether anything is to be sent at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .last_words import CLOSE_S, say_last_words
from .remarks import logger, make_remarks
from .telemetry import Telemetry, is_installed

SIGNALS = ("TRACES", "METRICS")


def wanted(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the signals that the environment wants sent.

    One is, where an exporter is named for it, or an endpoint; `none` as its exporter, or
    OTEL_SDK_DISABLED, says no.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    return tuple(signal for signal in SIGNALS if _is_wanted(signal, environ))


def _is_wanted(signal: str, environ: Mapping[str, str]) -> bool:
    named = environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower()
    if named not in ("", "otlp"):
        if named != "none":
            logger.warning("OTEL_%s_EXPORTER: otlp and none are known, not %r.", signal, named)
        return False
    ends = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    return named == "otlp" or any(environ.get(end, "").strip() for end in ends)


@dataclass(slots=True)
class Exporting:
    """What sends the runs of this process.

    Args:
        telemetry: The observer.
        closing: What ends each signal, sending what is left.
    """

    telemetry: Telemetry
    closing: list[Callable[[], object]] = field(default_factory=list)

    def close(self, seconds: float = CLOSE_S) -> None:
        """Send what is left, and wait for it no longer than that; the rest is dropped."""
        closing, self.closing = self.closing, []
        say_last_words(closing, seconds)


def exporting(environ: Mapping[str, str] = os.environ) -> Exporting | None:
    """Return what sends the runs of this process, as the environment wants it; None for nothing."""
    signals = wanted(environ)
    if not signals:
        return None
    if not is_installed():
        logger.info("Telemetry is wanted, and the extra massgraph[otel] is not installed.")
        return None
    make_remarks("opentelemetry")
    from opentelemetry import metrics, trace

    tracers: trace.TracerProvider = trace.NoOpTracerProvider()
    meters: metrics.MeterProvider = metrics.NoOpMeterProvider()
    closing: list[Callable[[], object]] = []
    if "TRACES" in signals:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        # Its own end at exit waits as long as it likes.
        tracers = sdk_tracers = TracerProvider(shutdown_on_exit=False)
        sdk_tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        closing.append(sdk_tracers.shutdown)
    if "METRICS" in signals:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        meters = sdk_meters = MeterProvider([reader], shutdown_on_exit=False)
        closing.append(sdk_meters.shutdown)
    return Exporting(Telemetry(tracer_provider=tracers, meter_provider=meters), closing)
