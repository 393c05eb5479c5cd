"""`massgraph doctor`: what is found, what to do about it, and that no key is in it."""

from __future__ import annotations

import http.server
import io
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from massgraph import doctor
from massgraph.backends.endpoint import Endpoint
from massgraph.backends.vendors import OPENAI, VENDORS
from massgraph.doctor.extras import extras
from massgraph.doctor.reach import Visit, reached
from massgraph.doctor.terminal import terminal
from massgraph.doctor.tracing import tracing

from .conftest import Cli

SECRET = "sk-proj-Zq0123456789abcdefQz"


@pytest.fixture(autouse=True)
def alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no key and no tracing, and a state directory of one's own."""
    names = [name for vendor in VENDORS for name in (*vendor.key_variables, vendor.url_variable)]
    tracers = ("LANGSMITH_TRACING", "LANGSMITH_API_KEY", "OTEL_EXPORTER_OTLP_ENDPOINT")
    for name in (*names, *tracers, "HTTPS_PROXY", "HTTP_PROXY"):
        if name:
            monkeypatch.delenv(name, raising=False)
    state = folder / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    return state / "massgraph"


class _Replies(http.server.BaseHTTPRequestHandler):
    seen: list[Any]
    status = 401

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers)))
        self.send_response(self.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[type[_Replies]]:
    """A server that refuses whoever has no key, as a provider does; `address` is where it is."""
    handler: Any = type("Replies", (_Replies,), {"seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        handler.address = f"http://127.0.0.1:{running.server_port}/v1"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield handler
        running.shutdown()
        thread.join()


def found(cli: Cli, *words: str) -> dict[str, dict[str, str]]:
    """Return the checks by their names, the last one where a name is there twice."""
    ended = cli("doctor", "--json", *words)
    assert ended.status == (0 if ended.json["ok"] else 1)
    return {check["name"]: check for check in ended.json["checks"]}


def test_a_machine_where_all_is_well(cli: Cli, alone: Path) -> None:
    """One line a check, exit 0, and nothing is made by looking."""
    ended = cli("doctor", "--offline")
    lines = ended.out.decode().splitlines()
    assert (ended.status, ended.err) == (0, "")
    assert all(line.split()[0] in ("ok", "warning") for line in lines)
    assert "ok       key of OpenAI: not set; set OPENAI_API_KEY to use it" in lines
    assert any(line.startswith("ok       massgraph: ") for line in lines)
    assert not alone.exists()


def test_a_key_is_named_and_never_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the environment, not out of an address, in no form of output."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"'{SECRET}'")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:{SECRET}@127.0.0.1:9/v1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://u:{SECRET}@collector:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-key={SECRET}")
    for words in ((), ("--json",), ("-v", "-c", "two_agents")):
        ended = cli("doctor", *words)
        assert ended.status == 1
        assert "Zq0123" not in ended.out.decode() + ended.err
    checks = found(cli)
    assert checks["key of OpenAI"]["found"].startswith("OPENAI_API_KEY is set")
    assert checks["key of Anthropic"]["level"] == "problem"
    assert "has quotes around it" in checks["key of Anthropic"]["found"]
    assert "http://127.0.0.1:9/v1" in checks["server of OpenAI"]["found"]


def test_a_server_that_answers(cli: Cli, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it answers, it is there; it is asked once, and gets no key."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", server.address)
    checks = found(cli, "-c", "team.yaml")
    assert checks["server of OpenAI"]["level"] == "ok"
    [(path, headers)] = server.seen
    assert path == "/v1"
    assert not {name.lower() for name in headers} & {"authorization", "x-api-key"}
    server.status = 503
    assert found(cli)["server of OpenAI"]["level"] == "warning"
    assert "server of OpenAI" not in found(cli, "--offline")


def test_a_server_of_the_config(cli: Cli, server: Any, folder: Path) -> None:
    """The servers that its agents ask are asked, fallbacks too, each once."""
    backend = f"{{type: chat_completions, model: m, base_url: '{server.address}'}}"
    (folder / "mine.yaml").write_text(
        f"agents:\n  - backend: {backend}\n  - backend: {{type: scripted, turns: [{{text: x}}]}}\n"
        f"    fallback: {backend}\n"
    )
    checks = found(cli, "-c", "mine.yaml")
    assert checks["config"]["found"].endswith("mine.yaml: 2 agents, graph team")
    assert checks["server of OpenAI"]["level"] == "ok"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("polcy: {}\n", "unknown key 'polcy'"),
        ("agent: {backend: 'openai:gpt-5.4'}\n", "needs a key"),
        (None, "there is no such file"),
    ],
)
def test_a_config_that_cannot_run(config: str | None, said: str, cli: Cli, folder: Path) -> None:
    """What is wrong or missing is a problem here: a run would not begin."""
    if config is not None:
        (folder / "mine.yaml").write_text(config)
    ended = cli("doctor", "--offline", "-c", "mine.yaml")
    assert ended.status == 1
    assert any(
        line.startswith("problem  config: ") and said in line
        for line in ended.out.decode().splitlines()
    )
    assert ended.err.endswith("problem\n") or ended.err.endswith("problems\n")


def test_silence_is_not_waited_for() -> None:
    """A server that takes a connection and says nothing, and one that is not there, at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = (silent.getsockname()[1], closed.getsockname()[1])
        places = [Endpoint(f"http://127.0.0.1:{port}/v1", vendor=OPENAI) for port in ports]
        first, second = reached([Visit("OpenAI", at, limit_s=0.2) for at in places])
    assert (first.level, second.level) == ("problem", "problem")
    assert "has not answered within 0.2 s" in first.found
    assert "cannot be reached" in second.found
    assert second.todo == "see that the server runs"


def test_real_servers_are_left_alone_in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch that forbids real requests holds here, too."""
    monkeypatch.setenv("MASSGRAPH_FORBID_REAL_REQUESTS", "1")
    [check] = reached([Visit("OpenAI", Endpoint(OPENAI.url, vendor=OPENAI))])
    assert (check.level, "are forbidden here" in check.found) == ("ok", True)


def test_the_state_directory(cli: Cli, alone: Path) -> None:
    """Its modes and its database are looked at."""
    assert cli("run", "-c", "team.yaml", "--quiet", "Q?").status == 0
    checks = found(cli, "--offline")
    assert "opens, version 1, 1 thread" in checks["database"]["found"]
    assert "state directory's mode" not in checks
    alone.chmod(0o755)
    mode = found(cli, "--offline")["state directory's mode"]
    assert (mode["level"], mode["todo"]) == ("warning", f"chmod 700 {alone}")
    with sqlite3.connect(alone / "massgraph.db") as database:
        database.execute("UPDATE massgraph_threads SET body = 'x'")
    assert "is not what was written" in found(cli, "--offline")["database"]["found"]
    with sqlite3.connect(alone / "massgraph.db") as database:
        database.execute("PRAGMA user_version = 99")
    assert "of version 99" in found(cli, "--offline")["database"]["found"]
    (alone / "massgraph.db").write_bytes(b"x" * 5000)
    assert found(cli, "--offline")["database"]["level"] == "problem"
    assert found(cli, "--offline", "--db", "nowhere")["database"]["level"] == "problem"


def test_a_database_that_is_not_there_is_not_made(cli: Cli, folder: Path) -> None:
    """Whoever looks around leaves nothing behind."""
    told = found(cli, "--offline", "--db", "sqlite:///new/mine.db")["database"]
    assert (told["level"], "none yet" in told["found"]) == ("ok", True)
    assert not (folder / "new").exists()


def test_a_state_directory_that_is_none(cli: Cli, alone: Path) -> None:
    """A file in its place is a problem with a way out."""
    alone.parent.mkdir()
    alone.write_text("")
    check = found(cli, "--offline")["state directory"]
    assert (check["level"], check["todo"]) == ("problem", "move it, or set XDG_STATE_HOME")


def test_nobody_can_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key and without the embedded model nothing works."""
    lacks = "python -m pip install 'massgraph[local]'"
    for module in ("rounds", "embedded"):
        monkeypatch.setattr(f"massgraph.doctor.{module}.local_missing", lambda: lacks)
    ended = cli("doctor", "--offline", "--deep")
    assert (ended.status, ended.err) == (1, "1 problem\n")
    assert "problem  who can answer: nobody; set a key, or install" in ended.out.decode()
    assert f"ok       embedded model: not installed; to have it: {lacks}" in ended.out.decode()


def test_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is no mistake, and has its command."""
    monkeypatch.setattr("massgraph.doctor.extras._version", lambda package: None)
    [draw] = [check for check in extras() if check.name == "extra draw"]
    assert (draw.level, draw.found) == ("ok", "not installed")
    assert draw.todo.endswith("-m pip install 'massgraph[draw]'")


def test_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing without a key sends nothing, and is told."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    langsmith, _ = tracing()
    assert (langsmith.level, langsmith.todo) == ("warning", "set LANGSMITH_API_KEY")
    monkeypatch.setenv("LANGSMITH_API_KEY", SECRET)
    langsmith, telemetry = tracing()
    assert langsmith.level == telemetry.level == "ok"
    assert SECRET not in langsmith.found


def test_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it goes is told without a password; without its extra, how to install that."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    _, off = tracing()
    assert (off.level, off.found) == ("ok", "no exporter is named")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    assert list(tracing())[1].found == "on for metrics"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://me:{SECRET}@127.0.0.1:4318")
    _, on = tracing()
    assert (on.level, on.todo) == ("ok", "")
    assert "on for traces and metrics" in on.found
    assert "127.0.0.1:4318" in on.found
    assert SECRET not in on.found
    monkeypatch.setattr("massgraph.doctor.tracing.is_installed", lambda: False)
    _, lacking = tracing()
    assert lacking.level == "warning"
    assert lacking.todo.endswith("-m pip install 'massgraph[otel]'")


@pytest.mark.parametrize(
    ("term", "columns", "encoding", "level"),
    [
        ("xterm-256color", "100", "utf-8", "ok"),
        ("dumb", "100", "utf-8", "warning"),
        ("xterm", "40", "utf-8", "warning"),
        ("xterm", "100", "ascii", "warning"),
    ],
)
def test_the_terminal(
    term: str, columns: str, encoding: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it cannot show is told."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", columns)
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert terminal(stream).level == level
    assert terminal(None).level == "ok"


def test_at_a_terminal_the_words_are_coloured(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is, and NO_COLOR is honoured."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(
        doctor, "examined", lambda **_: iter([doctor.Check("x", "problem", "\x1b[2J")])
    )
    monkeypatch.setenv("TERM", "xterm")
    for colour, begins in (("", "\x1b[31mproblem\x1b[0m  x: "), ("1", "problem  x: ")):
        monkeypatch.setenv("NO_COLOR", colour)
        shown: Any = Terminal()
        monkeypatch.setattr(sys, "stdout", shown)
        assert cli("doctor").status == 1
        assert shown.getvalue().startswith(begins)
        assert "\x1b[2J" not in shown.getvalue()


@pytest.mark.soak
def test_deep(cli: Cli) -> None:
    """The embedded model is asked, and answers."""
    check = found(cli, "--offline", "--deep")["embedded model"]
    assert check["level"] == "ok"
    assert "it answers in" in check["found"]
