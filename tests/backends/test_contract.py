"""The contract, for the backends of this project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from massgraph.backends.base import LLMBackend
from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.scripted import ScriptedBackend, ScriptedTurn

from .contract import BackendContract, Harness
from .loopback import LoopbackServer, Reply, answer, silence


class ScriptedHarness(Harness):
    """The scripted backend plays the turns itself."""

    @contextmanager
    def open(self, *turns: ScriptedTurn) -> Iterator[LLMBackend]:
        """Return a backend that plays these turns."""
        yield ScriptedBackend([_anytime(turn) for turn in turns])


class ChatCompletionsHarness(Harness):
    """A server on this machine says what the turns hold."""

    def __init__(self) -> None:
        self._server: LoopbackServer | None = None

    @contextmanager
    def open(self, *turns: ScriptedTurn) -> Iterator[LLMBackend]:
        """Return a backend of a server that plays these turns."""
        with LoopbackServer([_reply(turn) for turn in turns]) as self._server:
            yield ChatCompletionsBackend("m", base_url=self._server.base_url)

    async def assert_stopped(self) -> None:
        """The server sees that its client has hung up."""
        assert self._server is not None
        await self._server.disconnected(timeout=self.patience_s)

    async def assert_released(self) -> None:
        """The server has no connection left."""
        assert self._server is not None
        await self._server.idle()


class TestScripted(BackendContract):
    """The scripted backend fulfils the contract."""

    harness = ScriptedHarness()


class TestChatCompletions(BackendContract):
    """The chat completions backend fulfils the contract."""

    harness = ChatCompletionsHarness()


def _anytime(turn: ScriptedTurn) -> ScriptedTurn:
    """Return the turn so that a call without the two actions plays it, too."""
    return turn.model_copy(update={"when": "present"})


def _reply(turn: ScriptedTurn) -> Reply:
    if turn.hang and not turn.text:
        return silence()
    calls = [(call.name, call.args) for call in turn.tool_calls]
    reply = answer(turn.text, reasoning=turn.reasoning, calls=calls)
    if turn.hang:
        return reply.cut("stall", after=len(reply.frames) - 2)
    if turn.error:
        failure = {"error": {"message": "Slower!", "code": f"{turn.error}_exceeded"}}
        return reply.cut("done", failure, after=len(reply.frames) - 2)
    return reply
