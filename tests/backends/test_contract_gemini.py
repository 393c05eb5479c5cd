"""The contract, for Gemini on the real SDK against the strict wire server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from massgraph.backends.base import LLMBackend
from massgraph.backends.gemini import GeminiBackend
from massgraph.backends.scripted import ScriptedToolCall, ScriptedTurn

from ..wire.server import LoopbackServer, Reply, WireTurn, silence
from .contract import BackendContract, Harness
from .gemini_calls import warm_up


@pytest.fixture(scope="module", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK, and build its types, before the first test that measures time."""
    warm_up()


class GeminiHarness(Harness):
    """A server on this machine says what the turns hold, and refuses what Google refuses.

    Args:
        model: The model, which decides how tools are offered.
        in_text: Whether it calls one tool at the end of its text.
        **options: More arguments of the backend.
    """

    def __init__(self, model: str, *, in_text: bool = False, **options: bool) -> None:
        self._model, self._in_text, self._options = model, in_text, options
        self._server: LoopbackServer | None = None

    @contextmanager
    def open(self, *turns: ScriptedTurn) -> Iterator[LLMBackend]:
        """Return a backend of a server that plays these turns."""
        with LoopbackServer([self._reply(turn) for turn in turns]) as self._server:
            yield GeminiBackend(
                self._model, base_url=self._server.origin, api_key="k", **self._options
            )
        assert self._server.refused == []

    async def assert_stopped(self) -> None:
        """The server sees that its client has hung up."""
        assert self._server is not None
        await self._server.disconnected(timeout=self.patience_s)

    async def assert_released(self) -> None:
        """The server has no connection left."""
        assert self._server is not None
        await self._server.idle()

    def _reply(self, turn: ScriptedTurn) -> WireTurn | Reply:
        if turn.hang and not turn.text:
            return silence()
        calls = turn.tool_calls
        return WireTurn(
            text=turn.text + (written(calls) if self._in_text else ""),
            reasoning=turn.reasoning,
            calls=() if self._in_text else [(call.name, call.args) for call in calls],
            error="rate_limit" if turn.error == "rate_limit" else None,
            end="stall" if turn.hang else "done",
        )


def written(calls: Sequence[ScriptedToolCall]) -> str:
    """Return calls as a model writes them at the end of its text."""
    told = [json.dumps({"tool": call.name, "arguments": call.args}) for call in calls]
    return "".join(f"```json\n{one}\n```\n" for one in told)


class TestGemini(BackendContract):
    """Gemini fulfils the contract with function calling."""

    harness = GeminiHarness("gemini-3.8-flash")


class TestGeminiWithBuiltinTools(BackendContract):
    """Gemini 3 fulfils it with builtin tools beside the functions."""

    harness = GeminiHarness("gemini-3.8-flash", enable_web_search=True, enable_url_context=True)


class TestGeminiInText(BackendContract):
    """Gemini 2.5 fulfils it with builtin tools, and calls at the end of its text."""

    harness = GeminiHarness("gemini-2.5-flash", in_text=True, enable_web_search=True)


class TestGeminiTwo(BackendContract):
    """Gemini 2.5 fulfils it with function calling: no ids, no signatures."""

    harness = GeminiHarness("gemini-2.5-pro")
