"""What the tests of MCP servers share."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from massgraph.tools import McpServer
from tests.tools.processes import children

FORKED = Path(__file__).with_name("forked.py")

ServerOf = Callable[..., McpServer]


@pytest.fixture(scope="session", autouse=True)
def library_is_imported() -> None:
    """Import what a first server would, before anything is measured."""
    import massgraph.tools.connection  # noqa: F401


@pytest.fixture(scope="session")
def command() -> Iterator[list[str]]:
    """The program and the arguments that start a server: a real process, in no time."""
    forking = subprocess.Popen([sys.executable, FORKED], stdin=subprocess.PIPE, stdout=-1)
    assert forking.stdin is not None
    assert forking.stdout is not None
    with forking.stdin, forking.stdout:
        path = forking.stdout.readline().decode().strip()
        forking.wait()
        yield [sys.executable, "-S", "-E", str(FORKED), path]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What servers note."""
    path = tmp_path / "server.log"
    path.touch()
    return path


@pytest.fixture
async def server_of(log: Path, command: list[str]) -> AsyncIterator[ServerOf]:
    """Make servers on stdio; when they are closed, no process and no task is left."""
    made: list[McpServer] = []

    def server_of(*tools: str, **options: Any) -> McpServer:
        options["env"] = {"SERVER_LOG": str(log), **options.get("env", {})}
        server = McpServer(
            "tests",
            command=command[0],
            args=command[1:],
            tools=tools or None,
            **options,
        )
        made.append(server)
        return server

    yield server_of
    for server in made:
        await server.aclose()
    assert children() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


class HttpServer:
    """A server of the library's own, over HTTP on this machine."""

    def __init__(self, log: Path, command: list[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._log, self._command = log, command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}/mcp"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            [*self._command, str(self._port)],
            env={"SERVER_LOG": str(self._log)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        by = time.monotonic() + 30
        while time.monotonic() < by:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the server does not listen")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def http_server(log: Path, command: list[str]) -> Iterator[HttpServer]:
    """A server over HTTP that runs."""
    server = HttpServer(log, command)
    server.start()
    yield server
    server.stop()


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)


async def noted(log: Path, text: str) -> None:
    """Wait until a server has noted a text."""
    await until(lambda: text in log.read_text())
