"""The contract of backends, over llmock: real SDKs, four protocols, a server that is not ours.

llmock knows no reasoning, no cached tokens, no builtin tools and no error in the middle of a
stream, and it takes every request.
"""
# ruff: noqa: ASYNC110 - llmock runs in a thread of its own, and tells nobody

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import psutil
import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import (
    Behavior,
    Fail,
    Reply,
    SlowFirstToken,
    StreamFault,
    StreamFaultKind,
    ToolCall,
)
from llmock.testing import LLMockServer

from massgraph.backends.base import LLMBackend

from ..backends.contract import BackendContract, Can, Harness, Said
from ..wire.turn import HttpError, parsed
from .seats import SEATS

SPOKEN = 6
"""Chunks after which every protocol has begun to talk."""
FOREVER_S = 3.0
"""Seconds that llmock is silent where a turn hangs: it must end with the tests, too."""

BREAKS: Mapping[str, StreamFaultKind] = {"drop": "disconnect", "eof": "truncate"}
"""What llmock calls the ends of a stream."""
LLMOCK = Can(
    wire=False,
    reasoning=False,
    sealed=False,
    splits=False,
    error_frames=False,
    hangs=False,
    refusal=False,
    cached_usage=False,
    priced=False,
)


class LLMockHarness(Harness):
    """llmock says what the turns hold.

    Args:
        provider: Who speaks.
        path: What llmock calls its server.
        can: What it can.
    """

    def __init__(self, provider: str, path: str, can: Can = LLMOCK) -> None:
        super().__init__(can)
        self._seat = SEATS[provider]
        self._path = path
        self.server: LLMockServer | None = None

    @contextmanager
    def open(self, *turns: Said, **options: Any) -> Iterator[LLMBackend]:
        """Return a backend at llmock, which plays these turns, the last one again and again."""
        assert self.server is not None
        mock = LLMock(self.server).reset()
        for number, turn in enumerate(turns, 1):
            mock.add(*_behaviors(turn, times=1 if number < len(turns) else None))
        yield self._seat.at(self.server.base_url(self._path), **options)

    async def assert_stopped(self) -> None:
        """llmock sees that its client has hung up."""
        assert self.server is not None
        async with asyncio.timeout(self.patience_s):
            while not self._has_hung_up(self.server):
                await asyncio.sleep(0.005)

    def _has_hung_up(self, server: LLMockServer) -> bool:
        records = server.state.journal.records()
        if not records:  # a busy machine: it was stopped before llmock had read the request
            return not self._connected()
        return not all(record.completed for record in records)

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


def _behaviors(turn: Said, *, times: int | None) -> list[Behavior]:
    if isinstance(turn, HttpError):
        wait = None if turn.retry_after is None else float(turn.retry_after)
        return [Fail(turn.status, retry_after=wait, message=turn.message, times=times)]
    if turn.delay_s or turn.after == 0:
        return [SlowFirstToken(FOREVER_S, times=times)]
    calls = tuple(ToolCall(name, parsed(args)) for name, args in turn.calls)
    said: list[Behavior] = [Reply(turn.text, calls, finish_reason=turn.finish, times=times)]
    if turn.end == "stall":
        said.append(StreamFault("stall", after_chunks=SPOKEN, stall_seconds=FOREVER_S, times=times))
    elif turn.end in BREAKS:
        said.append(StreamFault(BREAKS[turn.end], after_chunks=SPOKEN, times=times))
    return said
