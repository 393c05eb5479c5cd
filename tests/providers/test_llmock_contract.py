"""The contract of backends, over llmock: real SDKs, four protocols, a server that is not ours.

llmock knows no reasoning and no error in the middle of a stream: the two tests that need them ask
for less here.
"""
# ruff: noqa: ASYNC110 - llmock runs in a thread of its own, and tells nobody

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import psutil
import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import Behavior, Reply, SlowFirstToken, StreamFault, ToolCall
from llmock.testing import LLMockServer

from massgraph.backends.base import LLMBackend
from massgraph.backends.chunks import ContentChunk, DoneChunk
from massgraph.backends.errors import BackendConnectionError
from massgraph.backends.fold import fold
from massgraph.backends.scripted import ScriptedTurn

from ..backends.contract import TEXT, BackendContract, Harness, collect, collect_failing
from .seats import SEATS

SPOKEN = 6
"""Chunks after which every protocol has begun to talk."""
FOREVER_S = 3.0
"""Seconds that llmock is silent where a turn hangs: it must end with the tests, too."""


class LLMockHarness(Harness):
    """llmock says what the turns hold.

    Args:
        provider: Who speaks.
        path: What llmock calls its server.
    """

    def __init__(self, provider: str, path: str) -> None:
        self._seat = SEATS[provider]
        self._path = path
        self.server: LLMockServer | None = None

    @contextmanager
    def open(self, *turns: ScriptedTurn) -> Iterator[LLMBackend]:
        """Return a backend at llmock, which plays these turns, the last one again and again."""
        assert self.server is not None
        mock = LLMock(self.server).reset()
        for number, turn in enumerate(turns, 1):
            mock.add(*_behaviors(turn, times=1 if number < len(turns) else None))
        yield self._seat.at(self.server.base_url(self._path))

    async def assert_stopped(self) -> None:
        """llmock sees that its client has hung up."""
        assert self.server is not None
        async with asyncio.timeout(self.patience_s):
            while all(record.completed for record in self.server.state.journal.records()):
                await asyncio.sleep(0.005)

    async def assert_released(self) -> None:
        """No connection of this process to llmock is open."""
        async with asyncio.timeout(self.patience_s):
            while self._connected():
                await asyncio.sleep(0.005)

    def _connected(self) -> bool:
        assert self.server is not None
        return any(
            link.raddr and link.raddr.port == self.server.port and link.status == "ESTABLISHED"
            for link in psutil.Process().net_connections("tcp")
        )


class OverLLMock(BackendContract):
    """The contract, as far as llmock goes."""

    harness: ClassVar[LLMockHarness]

    @pytest.fixture(autouse=True)
    def _server(self, llmock_server: LLMockServer) -> None:
        self.harness.server = llmock_server

    async def test_text_is_byte_exact(self) -> None:
        """Text comes through as it was sent, in more than one chunk."""
        with self.harness.open(ScriptedTurn(text=TEXT)) as backend:
            chunks = await collect(backend)
            await backend.aclose()
        turn = fold(chunks)
        assert turn.text == TEXT
        assert turn.finish_reason == "stop"
        assert sum(isinstance(chunk, ContentChunk) for chunk in chunks) > 1

    async def test_a_failure_is_the_last_thing(self) -> None:
        """A connection that is cut ends the turn in an error, after what was said."""
        assert self.harness.server is not None
        with self.harness.open(ScriptedTurn(text="Well, " * 9)) as backend:
            LLMock(self.harness.server).disconnect(after_chunks=SPOKEN)
            chunks, error = await collect_failing(backend)
            await backend.aclose()
        assert isinstance(error, BackendConnectionError)
        assert any(isinstance(chunk, ContentChunk) for chunk in chunks)
        assert not any(isinstance(chunk, DoneChunk) for chunk in chunks)

    async def test_length(self) -> None:
        """An answer that was cut at the token limit says so."""
        assert self.harness.server is not None
        with self.harness.open(ScriptedTurn(text="not played")) as backend:
            mock = LLMock(self.harness.server).reset()
            mock.add(Reply("Because it", finish_reason="length"))
            turn = fold(await collect(backend))
            await backend.aclose()
        assert (turn.text, turn.finish_reason) == ("Because it", "length")

    async def test_errors_before_the_first_chunk(self) -> None:
        """A refusal by status is an error of its kind, with the wait that it asks for."""
        assert self.harness.server is not None
        with self.harness.open(ScriptedTurn(text="not played")) as backend:
            mock = LLMock(self.harness.server).reset()
            mock.rate_limit(retry_after=7.25).fail(401).fail(400).fail(529, retry_after=1.5)
            errors = [(await collect_failing(backend))[1] for _ in range(4)]
            await backend.aclose()
        kinds = [(error.kind, error.status, error.retry_after) for error in errors]
        assert kinds == [
            ("rate_limit", 429, 7.25),
            ("auth", 401, None),
            ("bad_request", 400, None),
            ("overloaded", 529, 1.5),
        ]


class TestChat(OverLLMock):
    """Chat completions."""

    harness = LLMockHarness("chat_completions", "openai")


class TestResponses(OverLLMock):
    """OpenAI's Responses."""

    harness = LLMockHarness("openai", "openai")


class TestMessages(OverLLMock):
    """Anthropic's Messages."""

    harness = LLMockHarness("claude", "anthropic")


class TestGemini(OverLLMock):
    """Google's generate content."""

    harness = LLMockHarness("gemini", "gemini")


def _behaviors(turn: ScriptedTurn, *, times: int | None) -> list[Behavior]:
    if turn.hang and not turn.text:
        return [SlowFirstToken(FOREVER_S, times=times)]
    calls = tuple(
        ToolCall(call.name, call.args if isinstance(call.args, dict) else {})
        for call in turn.tool_calls
    )
    said: list[Behavior] = [Reply(turn.text, calls, times=times)]
    if turn.hang:
        said.append(StreamFault("stall", after_chunks=SPOKEN, stall_seconds=FOREVER_S, times=times))
    return said
