"""A team of four providers, over their real SDKs: its keys reach its servers, and nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ..wire.reply import Request
from ..wire.server import Said
from ..wire.turn import HttpError
from .canaries import Canaries
from .conftest import Cli, Heard, Wire

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

OURS = frozenset({"team.yaml", ".env"})
"""Files that the tests themselves put keys into."""


@pytest.fixture
def team(state: Path, wire: Wire, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a config with keys in all places that a config has for them."""
    key, quoted = canaries.key, canaries.quoted
    origin = wire.server.origin
    host = origin.removeprefix("http://")
    monkeypatch.setenv("OPENAI_API_KEY", key("env of OpenAI"))
    monkeypatch.setenv("GOOGLE_API_KEY", key("env of Google"))
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://me:{quoted('env of a URL')}@{host}")
    monkeypatch.setenv("ANTHROPIC_API_KEY", key("env of Anthropic"))
    monkeypatch.setenv("GATE", key("env of a name that says nothing"))
    Path(".env").write_text(f"XAI_API_KEY={canaries.plain('.env')}\n")
    agents = [
        {
            "type": "openai",
            "model": "gpt-5.4",
            "base_url": f"http://me:{quoted('base_url')}@{host}/v1",
            "extra_headers": {"X-Gate": f"Bearer {key('extra_headers')}"},
        },
        {
            "type": "claude",
            "model": "claude-sonnet-5",
            "base_url": f"http://{quoted('user of a base_url')}@{host}",
            "api_key": key("api_key"),
        },
        {"type": "gemini", "model": "gemini-3.8-flash"},
        {"type": "grok", "model": "grok-4.5", "base_url": f"{origin}/xai/v1"},
        {
            "type": "chat_completions",
            "model": "m",
            "base_url": f"{origin}/v1",
            "api_key_env": "GATE",
        },
    ]
    fallback = {**agents[-1], "model": "n", "api_key": key("fallback")}
    del fallback["api_key_env"]
    config = {
        "backend_params": {"extra_headers": {"X-All": key("backend_params")}},
        "agents": [{"id": f"a{n}", "backend": one} for n, one in enumerate(agents)],
        "policy": {"max_answers_per_agent": 1},
    }
    config["agents"][3]["fallback"] = fallback
    Path("team.yaml").write_text(yaml.safe_dump(config))
    return "team.yaml"


def echo(status: int) -> Said:
    """Return a play that refuses, and repeats all that the client sent beside the body."""

    def play(request: Request) -> Said:
        sent = request.headers
        keys = [sent[name] for name in ("authorization", "x-goog-api-key") if name in sent]
        told = f"No: {' '.join([*keys, sent['x-gate'] if 'x-gate' in sent else sent['x-all']])}"
        return HttpError(status=status, message=told, headers={"X-Echo": json.dumps(sent)})

    return play


def sent(wire: Wire, canaries: Canaries) -> set[str]:
    """Return the keys that the server was sent."""
    return canaries.found_in(*(json.dumps(one.headers) for one in wire.server.requests))


def test_a_run_and_all_that_can_be_done_with_it(
    state: Path, team: str, wire: Wire, canaries: Canaries, cli: Cli, heard: Heard
) -> None:
    """Nobody reads a key: not in a file, not on a stream, not in a log."""
    assert cli("run", "-vv", "-c", team, "--thread", "t", "--json", "Why do rivers rise?") == 0
    folder = state / "state" / "massgraph" / "runs" / "t" / "0001"
    assert {"a4.txt", "result.json", "run.txt", "votes.txt"} <= {p.name for p in folder.rglob("*")}
    used = sent(wire, canaries)
    assert used >= {"api_key", ".env", "extra_headers", "backend_params"}
    assert used >= {"env of Google", "env of OpenAI", "env of a name that says nothing"}
    assert "env of a URL" in used
    for words in (
        ("run", "-c", team, "--thread", "t", "--events", "-o", "answer", "And why do they fall?"),
        ("resume", "t", "--json", "-v"),
        ("threads", "ls", "--json"),
        ("threads", "show", "t", "--json"),
        ("threads", "show", "t"),
        ("threads", "fork", "t", "--as", "f", "-v"),
        ("verify", "t", "--json"),
        ("replay", "t", "--events", "--speed", "max"),
        ("threads", "rm", "f"),
    ):
        assert cli(*words) == 0, (words, heard.texts[-4:])
    assert cli("resume", "-v", "f") == 2
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(state, less=OURS) == {}


@pytest.mark.parametrize("status", [400, 401])
def test_servers_that_repeat_what_they_were_sent(
    state: Path, team: str, wire: Wire, canaries: Canaries, cli: Cli, heard: Heard, status: int
) -> None:
    """Whatever a refusal says, it is told, and kept, without the keys."""
    wire.play = echo(status)
    words = ("-v", "--log-format", "json", "-c", team, "--thread", "t", "--events", "Why?")
    assert cli("run", *words) == 3
    assert sent(wire, canaries) >= {"api_key", ".env", "extra_headers", "backend_params"}
    assert cli("threads", "show", "t", "--json") == 0
    assert "No: [redacted] [redacted]" in "".join(heard.texts).replace("Bearer ", "")
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(state, less=OURS) == {}


@pytest.mark.soak
def test_a_run_kept_in_postgresql(
    state: Path, team: str, wire: Wire, canaries: Canaries, cli: Cli, heard: Heard
) -> None:
    """No key, nor the password of its own URL, is in a table or in the server's log."""
    import psycopg

    from ..store.server import postgres_server

    with postgres_server() as url:
        db = url.replace("unasked", canaries.plain("password"))
        assert db != url
        for words in (
            ("run", "-v", "-c", team, "--thread", "t", "--json", "Why?"),
            ("threads", "fork", "t", "--as", "f", "--step", "2"),
            ("resume", "-v", "-c", team, "f"),
            ("threads", "show", "t", "--json"),
            ("threads", "ls", "--json"),
            ("verify", "t"),
        ):
            assert cli(*words, "--db", db) == 0, (words, heard.texts[-4:])
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchall()
            rows = [connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables]
        log = Path(url.partition("host=")[2], "log").read_bytes()
        assert len(tables) >= 6
        assert sum(map(len, rows)) > 20
        cells = (cell for table in rows for row in table for cell in _texts(row))
        assert canaries.found_in(log, *cells) == set()
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(state, less=OURS) == {}


def _texts(row: tuple[object, ...]) -> list[str | bytes]:
    return [bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell) for cell in row]
