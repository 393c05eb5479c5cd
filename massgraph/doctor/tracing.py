"""What watches runs from outside: the variables of LangSmith and of OpenTelemetry."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

from ..backends.endpoint import Endpoint
from .check import Check

_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2")
_KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


def tracing() -> Iterator[Check]:
    """Give out where traces of runs go."""
    yield _langsmith()
    yield _opentelemetry()


def _langsmith() -> Check:
    name = "LangSmith"
    on = next((one for one in _TRACING if os.environ.get(one, "").lower() == "true"), None)
    key = next((one for one in _KEYS if os.environ.get(one, "").strip()), None)
    if on is None:
        return Check(name, "ok", "off", "LANGSMITH_TRACING=true turns it on" if key else "")
    if key is None:
        return Check(name, "warning", f"{on} is on without a key", f"set {_KEYS[0]}")
    told = f"on by {on}, {key} is set: questions and answers are sent there"
    return Check(name, "ok", told)


def _opentelemetry() -> Check:
    name = "OpenTelemetry"
    places = [(one, os.environ[one]) for one in _ENDPOINTS if os.environ.get(one, "").strip()]
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Check(name, "ok", "off by OTEL_SDK_DISABLED")
    if not places:
        return Check(name, "ok", "no exporter is named", "OTEL_EXPORTER_OTLP_ENDPOINT names one")
    told = ", ".join(f"{variable} is {_shown(url)}" for variable, url in places)
    if not _has_sdk():
        todo = "install the packages opentelemetry-sdk and opentelemetry-exporter-otlp"
        return Check(name, "warning", f"{told}, and its SDK is not installed", todo)
    return Check(name, "ok", told)


def _shown(url: str) -> str:
    try:
        return Endpoint(url.strip()).shown
    except ValueError:
        return "no URL"


def _has_sdk() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.sdk") is not None
    except ModuleNotFoundError:
        return False
