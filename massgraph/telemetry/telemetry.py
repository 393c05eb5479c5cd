"""Telemetry: an observer of runs that sends them on as traces and metrics."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING

from ..backends.errors import MissingError
from ..nodes.events import Event, RunFinished
from .content import Content, is_wanted

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import SpanContext, TracerProvider

    from .run_trace import RunTrace

MOST_THREADS = 1024
"""Threads whose last attempt is known, so that one that goes on with it is linked to it."""


def is_installed() -> bool:
    """Return whether the extra is there; nothing of it is imported but an empty package."""
    there = importlib.util.find_spec("opentelemetry") is not None
    return there and importlib.util.find_spec("opentelemetry.sdk") is not None


class Telemetry:
    """Sends runs as OpenTelemetry traces and metrics, by the conventions for generative AI.

    Args:
        tracer_provider: Makes the spans; None takes the one that is set for the process.
        meter_provider: Makes the histograms; None takes the one that is set for the process.
        content: Whether questions, answers, and what tools are given and give are sent; None asks
            the environment variable OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT.

    Raises:
        MissingError: When the extra `otel` is not installed.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        content: bool | None = None,
    ) -> None:
        if not is_installed():
            raise MissingError(
                "Telemetry needs the package 'opentelemetry-sdk':",
                hint=f"\"{sys.executable}\" -m pip install 'massgraph[otel]'",
            )
        from opentelemetry import metrics, trace

        from .meters import Meters

        release = version("massgraph")
        meter = metrics.get_meter("massgraph", release, meter_provider)
        self._tracer = trace.get_tracer("massgraph", release, tracer_provider)
        self._meters = Meters(meter)
        self._content = is_wanted() if content is None else content
        self._last: OrderedDict[str, SpanContext] = OrderedDict()

    def observe(self) -> Callable[[Event], None]:
        """Return what takes the events of one run; it is part of the trace that is current."""
        from opentelemetry import context

        from .run_trace import RunTrace

        trace = RunTrace(
            self._tracer,
            context.get_current(),
            Content(wanted=self._content),
            _now,
            meters=self._meters,
            before=self._last,
        )

        def take(event: Event) -> None:
            trace.take(event)
            if isinstance(event, RunFinished):
                self._keep(event.thread_id, trace)

        return take

    def export(self, events: Iterable[Event], *, began: float) -> None:
        """Send a run of which there is a record, as a trace an attempt; nothing is measured.

        Args:
            events: Its events, of all attempts, in order.
            began: When it began, in seconds since 1970.
        """
        from opentelemetry.context import Context

        from .run_trace import RunTrace

        for _, told in groupby(events, key=lambda event: event.run_attempt):
            attempt, content = list(told), Content(wanted=self._content)
            trace = RunTrace(self._tracer, Context(), content, _from(began), before=self._last)
            for event in attempt:
                trace.take(event)
            trace.cut(attempt[-1].t)
            self._keep(attempt[-1].thread_id, trace)

    def _keep(self, thread_id: str, trace: RunTrace) -> None:
        if trace.run is not None:
            self._last[thread_id] = trace.run
            self._last.move_to_end(thread_id)
        while len(self._last) > MOST_THREADS:
            self._last.popitem(last=False)


def _now(event: Event) -> Callable[[float], int]:
    """Return the clock of a run that tells an event now."""
    return _from(time.time() - event.t)(event)


def _from(began: float) -> Callable[[Event], Callable[[float], int]]:
    """Return the clock of a run that began then, in seconds since 1970."""
    zero = round(began * 1e9)
    return lambda _: lambda seconds: zero + round(seconds * 1e9)
