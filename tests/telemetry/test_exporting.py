"""The environment says where traces and metrics go; nothing that goes wrong there harms a run."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from massgraph import Agent, Policy, Team
from massgraph.backends.errors import MissingError
from massgraph.telemetry import Telemetry, environment, telemetry
from massgraph.telemetry.environment import Exporting, exporting, wanted

from ..protocol.stage import Actor, answer
from .collector import Collector

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin without any of the variables, and leave the loggers as they were."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    theirs = logging.getLogger("opentelemetry")
    handlers, propagates = list(theirs.handlers), theirs.propagate
    yield
    theirs.handlers, theirs.propagate = handlers, propagates


def asked(exports: Exporting | None) -> None:
    """Ask a small team whose runs are sent."""
    assert exports is not None
    team = Team([Agent("alice", Actor([answer("4")]))], Policy(final="reuse"))
    team.observers.append(exports.telemetry)
    assert team.run("What?").answer == "4"


@pytest.mark.parametrize(
    ("environ", "signals"),
    [
        ({}, ()),
        ({ENDPOINT: "http://a"}, ("TRACES", "METRICS")),
        ({ENDPOINT: "http://a", "OTEL_SDK_DISABLED": "TRUE"}, ()),
        ({ENDPOINT: "http://a", "OTEL_METRICS_EXPORTER": "none"}, ("TRACES",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, ("TRACES",)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("TRACES",)),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, ("METRICS",)),
        ({"OTEL_TRACES_EXPORTER": "console"}, ()),
        ({"OTEL_SERVICE_NAME": "mine"}, ()),
    ],
)
def test_the_environment_says_what_is_sent(
    environ: dict[str, str], signals: tuple[str, ...]
) -> None:
    """Nothing without an endpoint or an exporter; each signal has variables of its own."""
    assert wanted(environ) == signals


def test_a_run_reaches_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans and metrics come over the wire, in the form of the standard."""
    with Collector() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        exports = exporting()
        asked(exports)
        assert exports is not None
        exports.close(20)
    assert sorted(collector.spans()) == [
        "chat script",
        *["invoke_agent alice"] * 2,
        "invoke_workflow team",
    ]
    assert {"gen_ai.client.token.usage", "gen_ai.client.operation.duration"} <= collector.metrics()


def test_a_collector_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by a run nor, for longer than it is told, by the end of the program."""
    with Collector(holds=True) as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        exports = exporting()
        assert exports is not None
        began = time.monotonic()
        exports.close(0.05)
        asked_exports = exporting()
        asked(asked_exports)
        assert asked_exports is not None
        asked_exports.close(0.1)
        assert time.monotonic() - began < 10
        assert collector.bodies, "it was asked"


def test_what_goes_wrong_is_a_remark_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For whoever asks for it with -v; nothing of it is a warning."""
    with Collector() as collector:
        gone = collector.url
    monkeypatch.setenv(ENDPOINT, gone)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with caplog.at_level(logging.DEBUG):
        exports = exporting()
        asked(exports)
        assert exports is not None
        exports.close(10)
    said = [record for record in caplog.records if record.name.startswith(("massgraph.tele", "op"))]
    assert said
    assert {record.name for record in said} == {"massgraph.telemetry"}
    assert {record.levelname for record in said} == {"INFO"}


def test_without_the_extra_a_program_is_told_and_the_command_line_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python code that asks for it learns which command installs it."""
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setattr(environment, "is_installed", lambda: False)
    assert exporting() is None
    monkeypatch.setattr(telemetry, "is_installed", lambda: False)
    with pytest.raises(MissingError) as raised:
        Telemetry()
    assert "massgraph[otel]" in str(raised.value.hint)


@pytest.mark.soak
def test_the_command_line_sends_its_runs(tmp_path: Path) -> None:
    """Without any option; what is printed is the same, also when nobody is there."""
    config = tmp_path / "team.yaml"
    config.write_text("agent: {id: alice, backend: {type: scripted, turns: [{new_answer: '4'}]}}")
    command = [sys.executable, "-m", "massgraph", "run", "-c", str(config), "--no-logs", "What?"]
    with Collector() as collector:
        for url in (collector.url, "http://127.0.0.1:1"):
            env = {**os.environ, ENDPOINT: url}
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, timeout=50, check=True
            )
            assert done.stdout == "4\n"
            assert "http" not in done.stderr
            assert "rror" not in done.stderr
    assert (
        collector.spans().count("invoke_workflow single")
        + collector.spans().count("invoke_workflow team")
        == 1
    )
