"""The contract, for the backends of this project: on real SDKs, at a server that is strict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from massgraph.backends.base import LLMBackend
from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.claude import ClaudeBackend
from massgraph.backends.errors import (
    BackendConnectionError,
    BackendErrorKind,
    IncompleteStreamError,
    error_class,
)
from massgraph.backends.gemini import GeminiBackend
from massgraph.backends.grok import GrokBackend
from massgraph.backends.openai import OpenAIBackend
from massgraph.backends.scripted import ScriptedBackend, ScriptedToolCall, ScriptedTurn

from ..wire.server import LoopbackServer
from ..wire.turn import Args, HttpError
from .contract import BackendContract, Can, Harness, Said, WireHarness

KEY = "k"


def chat(server: LoopbackServer, /, model: str = "m", **options: Any) -> LLMBackend:
    """Return a backend of any server that speaks chat completions."""
    return ChatCompletionsBackend(model, base_url=server.base_url, **options)


def openai(server: LoopbackServer, /, model: str = "gpt-5.4", **options: Any) -> LLMBackend:
    """Return a backend of OpenAI's Responses."""
    return OpenAIBackend(model, base_url=server.base_url, api_key=KEY, **options)


def grok(server: LoopbackServer, /, model: str = "grok-4.5", **options: Any) -> LLMBackend:
    """Return a backend of xAI's."""
    return GrokBackend(model, base_url=f"{server.origin}/xai/v1", api_key=KEY, **options)


def claude(server: LoopbackServer, /, model: str = "claude-sonnet-5", **options: Any) -> LLMBackend:
    """Return a backend of Anthropic's Messages."""
    return ClaudeBackend(model, base_url=server.origin, api_key=KEY, **options)


def gemini(
    server: LoopbackServer, /, model: str = "gemini-3.8-flash", **options: Any
) -> LLMBackend:
    """Return a backend of Google's generate content."""
    return GeminiBackend(model, base_url=server.origin, api_key=KEY, **options)


CHAT = Can(sealed=False, interleaved=True, priced=False)
OPENAI = Can(
    interleaved=True,
    builtin={"web_search": "enable_web_search", "code_execution": "enable_code_execution"},
)
CLAUDE = Can(
    builtin={
        "web_search": "enable_web_search",
        "code_execution": "enable_code_execution",
        "url_context": "enable_web_fetch",
    }
)
GEMINI = Can(
    splits=False,
    builtin={
        "web_search": "enable_web_search",
        "code_execution": "enable_code_execution",
        "url_context": "enable_url_context",
    },
)


class ScriptedHarness(Harness):
    """The scripted backend plays the turns itself."""

    @contextmanager
    def open(self, *turns: Said, **options: Any) -> Iterator[LLMBackend]:
        """Return a backend that plays these turns, whatever the tools."""
        yield ScriptedBackend([_scripted(turn) for turn in turns], **options)


class InTextHarness(WireHarness):
    """A model that cannot call functions beside builtin tools: it writes calls in its text."""

    def said(self, turn: Said) -> Said:
        """Return the turn with its calls at the end of the text."""
        if isinstance(turn, HttpError) or not turn.calls:
            return turn
        told = [json.dumps({"tool": name, "arguments": args}) for name, args in turn.calls]
        calls = "".join(f"```json\n{one}\n```\n" for one in told)
        return replace(turn, text=turn.text + calls, calls=())


class TestScripted(BackendContract):
    """The scripted backend fulfils the contract."""

    harness = ScriptedHarness(
        Can(
            wire=False,
            sealed=False,
            hangs=False,
            refusal=False,
            length=False,
            cached_usage=False,
            priced=False,
        )
    )


class TestChatCompletions(BackendContract):
    """Any server with chat completions."""

    harness = WireHarness(chat, CHAT)


class TestOpenAI(BackendContract):
    """A model of OpenAI that reasons."""

    harness = WireHarness(openai, OPENAI)


class TestOpenAIWithBreakpoints(BackendContract):
    """A model of OpenAI whose cache wants breakpoints."""

    harness = WireHarness(openai, OPENAI, model="gpt-5.6-sol")


class TestOpenAIWithoutReasoning(BackendContract):
    """A model of OpenAI that does not reason."""

    harness = WireHarness(openai, replace(OPENAI, sealed=False), model="gpt-4.1")


class TestGrok(BackendContract):
    """A model of xAI that is told to search."""

    harness = WireHarness(grok, OPENAI, search_mode="on")


class TestClaude(BackendContract):
    """A model of Anthropic."""

    harness = WireHarness(claude, CLAUDE)


class TestGemini(BackendContract):
    """Gemini 3: function calling, beside builtin tools or alone."""

    harness = WireHarness(gemini, GEMINI)


class TestGeminiInText(BackendContract):
    """Gemini 2.5 with builtin tools, which calls functions at the end of its text."""

    harness = InTextHarness(
        gemini,
        replace(GEMINI, sealed=False, hangs=False, schema=False),
        model="gemini-2.5-flash",
        enable_web_search=True,
    )


class TestGeminiTwo(BackendContract):
    """Gemini 2.5 with function calling: no ids, no signatures."""

    harness = WireHarness(gemini, replace(GEMINI, sealed=False, builtin={}), model="gemini-2.5-pro")


_KINDS: Mapping[int, BackendErrorKind] = {
    400: "bad_request",
    401: "auth",
    403: "auth",
    429: "rate_limit",
    500: "overloaded",
    503: "overloaded",
}


def _scripted(turn: Said) -> ScriptedTurn:
    if isinstance(turn, HttpError):
        cls = error_class(_KINDS[turn.status])
        wait = float(turn.retry_after) if turn.retry_after is not None else None
        return _anytime(error=cls(turn.message, retry_after=wait, status=turn.status))
    said: dict[str, Any] = {"reasoning": turn.reasoning, "text": turn.text, "delay": turn.delay_s}
    if turn.calls:
        calls = [ScriptedToolCall(name=name, args=_own(args)) for name, args in turn.calls]
        said["tool_calls"] = tuple(calls)
    ends: dict[str, dict[str, Any]] = {
        "done": {"error": turn.error},
        "stall": {"hang": True},
        "drop": {"error": BackendConnectionError("It broke off.")},
        "eof": {"error": IncompleteStreamError("It broke off.")},
    }
    return _anytime(**said, **ends[turn.end])


def _own(args: Args) -> dict[str, Any] | str:
    return args if isinstance(args, str) else dict(args)


def _anytime(**turn: Any) -> ScriptedTurn:
    return ScriptedTurn(**turn, when="present")
