"""MCP servers over HTTP ("streamable HTTP"), on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from massgraph import Agent, Team, UserError, forbid_real_requests
from massgraph.tools import McpServer

from .conftest import HttpServer, noted
from .test_mcp import told, use

SECRET = "canary-93aa"
Open = Callable[..., McpServer]


@pytest.fixture
async def opened(http_server: HttpServer) -> AsyncIterator[Open]:
    """Make a client's side of the server; when it is closed, no task and no socket is left."""
    made: list[McpServer] = []

    def opened(**options: Any) -> McpServer:
        made.append(McpServer("docs", url=http_server.url, **options))
        return made[-1]

    yield opened
    for server in made:
        await server.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert sockets() == []


def sockets() -> list[Any]:
    """Return the TCP connections that are open on our side."""
    found = psutil.Process().net_connections("tcp")
    return [one for one in found if one.raddr and one.status == "ESTABLISHED"]


async def test_a_whole_run(opened: Open) -> None:
    """Its tools are an agent's like any others, and closing leaves no socket."""
    server = opened(tools=["add"])
    async with Team([Agent("alice", use(("add", {"a": 20, "b": 22})), tools=[server])]) as team:
        assert await told(team) == ["42"]
        assert sockets() != []
    assert sockets() == []


async def test_headers(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent, with variables filled in; a key is not shown again in what comes back."""
    monkeypatch.setenv("DOCS_TOKEN", SECRET)
    server = opened(headers={"Authorization": "Bearer ${DOCS_TOKEN}", "X-Team": "blue-team"})
    text = (await server.call("headers", {})).text
    assert "x-team: blue-team" in text
    assert "authorization: [redacted]" in text
    assert SECRET not in text
    assert SECRET not in server.redact(f"a {SECRET} b")


async def test_a_call_that_is_cancelled(opened: Open, log: Path) -> None:
    """The server is told over HTTP, too."""
    server = opened()
    await server.tools()
    call = asyncio.create_task(server.call("slow", {"seconds": 60}))
    await noted(log, "slow begins")
    call.cancel()
    await asyncio.wait({call})
    await noted(log, "slow was cancelled")


async def test_a_server_that_goes_away_and_comes_back(
    opened: Open, http_server: HttpServer
) -> None:
    """Calls fail with words for the model while it is away, and work when it is back."""
    server = opened(timeout_s=5)
    assert (await server.call("add", {"a": 1, "b": 2})).text == "3"
    http_server.stop()
    began = time.monotonic()
    async with asyncio.timeout(20):
        away = await server.call("add", {"a": 1, "b": 2})
    assert away.status == "error"
    assert "'docs'" in away.text
    assert time.monotonic() - began < 10
    http_server.start()
    answers = [await server.call("add", {"a": 1, "b": 2}) for _ in range(2)]
    assert answers[-1].text == "3"


async def test_real_requests_may_be_forbidden() -> None:
    """As for the providers."""
    server = McpServer("docs", url="https://mcp.example.test/mcp")
    with forbid_real_requests(), pytest.raises(UserError, match="forbidden here"):
        await Team([Agent("alice", use(), tools=[server])]).arun("Q?")
