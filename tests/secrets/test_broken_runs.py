"""A run that breaks, or cannot begin, tells no key: on no stream, in no traceback or pickle."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from massgraph import Agent, Team, UserError
from massgraph.backends.errors import StoreError
from massgraph.backends.registry import build_backend
from massgraph.graphs.running import BrokenRunError
from massgraph.store.journal import Replies
from massgraph.store.opening import open_storage

from ..wire.reply import Request, silence
from ..wire.server import Said
from ..wire.turn import HttpError
from .canaries import Canaries
from .conftest import Cli, Heard, Wire

needs_psycopg = pytest.mark.skipif(
    importlib.util.find_spec("psycopg") is None, reason="needs the extra postgres"
)


def refused(request: Request) -> Said:
    """Refuse, and repeat the key."""
    return HttpError(status=401, message=f"No {request.headers['authorization']}.")


def team_of(wire: Wire, canaries: Canaries, folder: Path) -> Team:
    """Return a team of one agent with a key, a header, and a fallback with a key of its own."""
    options: dict[str, Any] = {
        "base_url": f"http://me:{canaries.quoted('url')}@{wire.server.origin[7:]}/v1",
        "extra_headers": {"X-Gate": canaries.key("header")},
    }
    first = build_backend("openai:gpt-5.4", api_key=canaries.key("key"), **options)
    other = build_backend("chat_completions:m", api_key=canaries.key("fallback"), **options)
    agents = [Agent("alice", first, fallback=other)]
    return Team(agents, db=f"sqlite:///{folder}/threads.db", records=folder / "runs")


async def test_a_run_that_breaks(
    tmp_path: Path,
    wire: Wire,
    canaries: Canaries,
    heard: Heard,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its error, what it was caused by, its pickle, and the traceback in the log hold no key."""

    async def full(self: Replies, *_: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(Replies, "store", full)
    async with team_of(wire, canaries, tmp_path) as team:
        with pytest.raises(BrokenRunError, match="The disk is full") as caught:
            await team.arun("Why?", thread_id="t")
    heard.take(caught.value, caught.value.result, team, team.agents, *team.agents)
    heard.texts += [caplog.text, *(repr(vars(record)) for record in caplog.records)]
    assert "Traceback" in caplog.text
    assert canaries.found_in(str([one.headers for one in wire.server.requests])) >= {"key"}
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(tmp_path) == {}


async def test_a_run_that_is_cancelled_and_goes_on(
    tmp_path: Path, wire: Wire, canaries: Canaries, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """In the middle of a call, and after it: what is stored meanwhile holds no key."""
    wire.play = lambda request: silence()
    async with team_of(wire, canaries, tmp_path) as team:
        run = team.start("Why?", thread_id="t")
        events = asyncio.create_task(_all_of(run))
        await wire.server.received()
        assert canaries.found_under(tmp_path) == {}
        run.cancel()
        heard.take(*await events, await run.result())
        wire.play = refused
        heard.take(*await _all_of(team.start(None, thread_id="t")))
    assert any("No Bearer [redacted]" in text for text in heard.texts)
    assert canaries.found_in(*heard.texts, caplog.text) == set()
    assert canaries.found_under(tmp_path) == {}


async def _all_of(run: Any) -> list[Any]:
    return [event async for event in run]


@needs_psycopg
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:{}@127.0.0.1:{port}/name",
        "postgresql://me@127.0.0.1:{port}/name?password={}",
        "postgresql://me@127.0.0.1:{port}/name?sslpassword={}&application_name=mine",
        "postgresql://me:{}@127.0.0.1:{port}/name?sslmode=wrong",
        "postgresql://me:{}@127.0.0.1:{port}/name?nonsense=1",
        "postgresql://me:{}/@127.0.0.1:{port}/name",
        "postgresql://me:{}#@127.0.0.1:{port}/name",
        "postgresql://me:{}%zz@127.0.0.1:{port}/name",
        "postgresql:/me:{}@127.0.0.1/name",
        "postgresql:me:{}@127.0.0.1/name",
        "me:{}@127.0.0.1/name",
        "mysql://me:{}@127.0.0.1/name",
        "mysql://127.0.0.1/name?password={}",
        "{}",
        "https://{}.example/",
    ],
)
def test_a_database_that_is_not_there(
    state: Path, canaries: Canaries, cli: Cli, heard: Heard, url: str
) -> None:
    """The password in its URL is not in what is said of it, whatever is wrong with the URL."""
    db = url.format(f"sk-ant-{canaries.plain('password')}", port=free_port())
    Path("team.yaml").write_text("agent: {id: a, backend: {type: scripted, turns: []}}\n")
    for words in (
        ("run", "-c", "team.yaml", "-v", "--thread", "t", "--db", db, "Why?"),
        ("threads", "ls", "-v", "--db", db),
        ("resume", "t", "-v", "--db", db),
    ):
        assert cli(*words) in (1, 2), words
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(state) == {}


def test_a_database_without_a_driver(canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    """What names no place for threads is not repeated, where it may hold a password."""
    with pytest.raises(UserError) as caught:
        open_storage(f"mysql://me:{canaries.plain('password')}@host/name")
    assert str(caught.value).startswith("'mysql://...' names no place for threads")
    with pytest.raises(UserError, match="'memory' names no place"):
        open_storage("memory")


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_mcp_servers_that_repeat_what_they_were_given(
    state: Path,
    wire: Wire,
    canaries: Canaries,
    cli: Cli,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that prints its environment and dies, and a server that repeats its headers."""
    monkeypatch.setenv("SOME_TOKEN", canaries.key("variable"))
    wire.play = refused
    host = wire.server.origin.removeprefix("http://")
    shell = {
        "command": "sh",
        "args": ["-c", 'echo "$TOKEN $OTHER" >&2; exit 3'],
        "env": {"TOKEN": canaries.plain("env"), "OTHER": "${SOME_TOKEN}"},
    }
    asked = {
        "url": f"http://me:{canaries.quoted('url')}@{host}/mcp",
        "headers": {"Authorization": f"Bearer {canaries.key('headers')}"},
    }
    for number, one in enumerate((shell, asked)):
        Path("team.yaml").write_text(
            json.dumps(
                {
                    "mcp_servers": {"s": one},
                    "agent": {
                        "id": "a",
                        "tools": ["mcp:s"],
                        "backend": {"type": "scripted", "turns": [{"text": "4"}]},
                    },
                }
            )
        )
        words = ("run", "-v", "-c", "team.yaml", "--thread", f"t{number}", "--json", "Why?")
        assert cli(*words) in (1, 2)
    assert any("MCP server 's'" in text for text in heard.texts)
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(state, less=frozenset({"team.yaml"})) == {}


def test_a_config_that_is_wrong(state: Path, canaries: Canaries, cli: Cli, heard: Heard) -> None:
    """Where a key stands in the wrong place, it is not repeated."""
    key = f"sk-ant-{canaries.plain('key')}"
    for agent in (
        f"{{type: openai, model: {key}}}",
        f"{{type: openai, model: m, api_key_env: {key}}}",
        f"{{type: openai, model: m, api_key: [{key}]}}",
        f"{{type: openai, model: m, api_key: '${{{key}}}'}}",
        f"{{type: openai, model: m, base_url: 'me:{key}@x'}}",
        f"{{type: openai, model: m, base_url: 'http://x/?key={key}'}}",
        f"openai:{key}",
    ):
        Path("team.yaml").write_text(f"agent: {{id: a, backend: {agent}}}\n")
        assert cli("run", "-v", "-c", "team.yaml", "Why?") == 2, agent
    assert cli("run", "--model", key, "Why?") == 2
    assert cli("run", "-c", "team.yaml", "--set", key, "Why?") == 2
    assert canaries.found_in(*heard.texts) == set()
    assert canaries.found_under(state, less=frozenset({"team.yaml"})) == {}
