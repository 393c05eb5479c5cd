"""What watches runs from outside: the variables of LangSmith and of OpenTelemetry."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..backends.endpoint import Endpoint
from ..backends.local.model import pip_install
from ..telemetry.environment import SIGNALS, wanted
from ..telemetry.langsmith import SWITCHES
from ..telemetry.telemetry import is_installed
from .check import Check

_KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def tracing() -> Iterator[Check]:
    """Give out where traces of runs go."""
    yield _langsmith()
    yield _opentelemetry()


def _langsmith() -> Check:
    name = "LangSmith"
    on = next((one for one in SWITCHES if _is_true(one)), None)
    key = next((one for one in _KEYS if os.environ.get(one, "").strip()), None)
    if on is None:
        return Check(name, "ok", "off", "LANGSMITH_TRACING=true turns it on" if key else "")
    if key is None:
        return Check(name, "warning", f"{on} is on without a key", f"set {_KEYS[0]}")
    told = f"on by {on}, {key} is set: questions and answers are sent there"
    return Check(name, "ok", told)


def _opentelemetry() -> Check:
    name = "OpenTelemetry"
    if _is_true("OTEL_SDK_DISABLED"):
        return Check(name, "ok", "off by OTEL_SDK_DISABLED")
    signals = wanted()
    if not signals:
        return Check(name, "ok", "no exporter is named", f"{_ENDPOINT} names one")
    told = ", ".join([f"on for {' and '.join(signals).lower()}", *_places()])
    if not is_installed():
        lacks = f"{told}, and its extra is not installed"
        return Check(name, "warning", lacks, pip_install("massgraph[otel]"))
    return Check(name, "ok", told)


def _places() -> Iterator[str]:
    """Give out the addresses that the environment names."""
    endpoints = (f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT" for signal in SIGNALS)
    for variable in (_ENDPOINT, *endpoints):
        if url := os.environ.get(variable, "").strip():
            yield f"{variable} is {_shown(url)}"


def _shown(url: str) -> str:
    try:
        return Endpoint(url).shown
    except ValueError:
        return "no URL"


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() == "true"
