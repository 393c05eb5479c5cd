"""The contract's harness for a backend that speaks Responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from massgraph.backends.base import LLMBackend
from massgraph.backends.scripted import ScriptedTurn
from tests.wire.server import LoopbackServer, Said, silence
from tests.wire.turn import WireTurn

from .contract import Harness

BEGUN = 8
"""Events in which a response, its message and some words of it have begun."""


class ResponsesHarness(Harness):
    """A server on this machine that is as strict as the provider says what the turns hold.

    Args:
        build: Returns the backend of a server.
    """

    def __init__(self, build: Callable[[LoopbackServer], LLMBackend]) -> None:
        self._build = build
        self._server: LoopbackServer | None = None

    @contextmanager
    def open(self, *turns: ScriptedTurn) -> Iterator[LLMBackend]:
        """Return a backend of a server that plays these turns."""
        with LoopbackServer([_said(turn) for turn in turns]) as self._server:
            yield self._build(self._server)
        assert not self._server.refused

    async def assert_stopped(self) -> None:
        """The server sees that its client has hung up."""
        assert self._server is not None
        await self._server.disconnected(timeout=self.patience_s)

    async def assert_released(self) -> None:
        """The server has no connection left."""
        assert self._server is not None
        await self._server.idle()


def _said(turn: ScriptedTurn) -> Said:
    if turn.hang and not turn.text:
        return silence()
    calls = [(call.name, call.args) for call in turn.tool_calls]
    if turn.hang:
        return WireTurn(text=turn.text, end="stall", after=BEGUN)
    if turn.error == "rate_limit":
        return WireTurn(text=turn.text, error="rate_limit", after=BEGUN)
    return WireTurn(text=turn.text, reasoning=turn.reasoning, calls=calls)
