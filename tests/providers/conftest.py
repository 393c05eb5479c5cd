"""What the tests of all providers share: one server, and SDKs that are loaded already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ..wire.reply import Reply, Request
from ..wire.server import LoopbackServer, Said
from ..wire.turn import HttpError
from .breaking import Play, whole
from .matrix import ELSEWHERE
from .seats import SEATS


class Board:
    """A server that does what a test says, and another one elsewhere, which nobody should ask."""

    def __init__(self) -> None:
        self.server = LoopbackServer(self._said)
        self.elsewhere = LoopbackServer([HttpError(status=404)])
        self._play: Play = whole()
        self._problem: Exception | None = None

    def set(self, play: Play) -> None:
        """Play this from now on, and forget what was."""
        self._play, self._problem = play, None
        for server in (self.server, self.elsewhere):
            server.requests.clear()
            server.refused.clear()

    async def check(self) -> None:
        """Assert that all requests were right, and that no connection is left."""
        if self._problem is not None:
            raise self._problem
        assert self.server.refused == []
        await self.server.idle()
        await self.elsewhere.idle()

    def _said(self, request: Request) -> Said:
        try:
            return self._moved(self._play(request))
        except Exception as exc:
            self._problem = exc
            raise

    def _moved(self, said: Said) -> Said:
        if not isinstance(said, Reply) or "Location" not in said.headers:
            return said
        there = said.headers["Location"].replace(ELSEWHERE, self.elsewhere.origin)
        return replace(said, headers={**said.headers, "Location": there})


@pytest.fixture(scope="session")
def servers() -> Iterator[Board]:
    """Start both servers once for all tests."""
    board = Board()
    with board.server, board.elsewhere:
        yield board


@pytest.fixture
def board(servers: Board) -> Board:
    """Return the servers; the first request of a test is number 1."""
    servers.set(whole())
    return servers


@pytest.fixture(scope="session", autouse=True)
def loaded() -> None:
    """Import all SDKs before the first test that measures time."""

    async def load() -> None:
        for seat in SEATS.values():
            backend = seat.open("http://127.0.0.1:9")
            await backend.prepare()
            await backend.aclose()

    asyncio.run(load())
