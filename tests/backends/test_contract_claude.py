"""The contract, for Claude on the real SDK against the strict wire server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from massgraph.backends.base import LLMBackend
from massgraph.backends.claude import ClaudeBackend
from massgraph.backends.scripted import ScriptedTurn

from ..wire.server import LoopbackServer, Reply, WireTurn, silence
from .contract import BackendContract, Harness


@pytest.fixture(scope="module", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK before the first test that measures time."""
    import anthropic  # noqa: F401


class ClaudeHarness(Harness):
    """A server on this machine says what the turns hold, and refuses what Anthropic refuses."""

    def __init__(self) -> None:
        self._server: LoopbackServer | None = None

    @contextmanager
    def open(self, *turns: ScriptedTurn) -> Iterator[LLMBackend]:
        """Return a backend of a server that plays these turns."""
        with LoopbackServer([_reply(turn) for turn in turns]) as self._server:
            yield ClaudeBackend("claude-sonnet-5", base_url=self._server.origin, api_key="k")
        assert self._server.refused == []

    async def assert_stopped(self) -> None:
        """The server sees that its client has hung up."""
        assert self._server is not None
        await self._server.disconnected(timeout=self.patience_s)

    async def assert_released(self) -> None:
        """The server has no connection left."""
        assert self._server is not None
        await self._server.idle()


class TestClaude(BackendContract):
    """The Claude backend fulfils the contract."""

    harness = ClaudeHarness()


def _reply(turn: ScriptedTurn) -> WireTurn | Reply:
    if turn.hang and not turn.text:
        return silence()
    return WireTurn(
        text=turn.text,
        reasoning=turn.reasoning,
        calls=[(call.name, call.args) for call in turn.tool_calls],
        error="rate_limit" if turn.error == "rate_limit" else None,
        end="stall" if turn.hang else "done",
    )
