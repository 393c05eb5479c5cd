"""The LangChain backend: over real integrations and real HTTP, and models that LangChain ships."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import traceback
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI

from massgraph import Agent
from massgraph.backends.base import LLMBackend
from massgraph.backends.chunks import (
    BuiltinToolResultsChunk,
)
from massgraph.backends.errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BadRequestError,
    IncompleteStreamError,
    MalformedResponseError,
    MissingError,
    OverloadedError,
    RateLimitError,
    UserError,
)
from massgraph.backends.fold import fold
from massgraph.backends.langchain import LangChainBackend
from massgraph.backends.registry import backend_from_config, build_backend
from tests.wire.server import LoopbackServer, Said
from tests.wire.turn import HttpError, WireTurn

from .contract import QUESTION, WEATHER, BackendContract, Can, WireHarness, collect

KEY = "sk-very-secret-key-1234567890"


def chat_openai(server: LoopbackServer, **options: Any) -> ChatOpenAI:
    options = {"model": "gpt-5.4", **options}
    return ChatOpenAI(base_url=server.base_url, api_key=KEY, **options)


def chat_anthropic(server: LoopbackServer, **options: Any) -> ChatAnthropic:
    options = {"model": "claude-opus-5-5", "max_tokens": 2048, **options}
    return ChatAnthropic(base_url=server.origin, api_key=KEY, **options)


def over_chat(server: LoopbackServer, /, **options: Any) -> LLMBackend:
    return LangChainBackend(chat_openai(server, use_responses_api=False, **options))


def over_responses(server: LoopbackServer, /, **options: Any) -> LLMBackend:
    reasoning = {"include": ["reasoning.encrypted_content"], "reasoning": {"summary": "auto"}}
    options = {"use_responses_api": True, "store": False, **reasoning, **options}
    return LangChainBackend(chat_openai(server, **options))


def over_messages(server: LoopbackServer, /, **options: Any) -> LLMBackend:
    return LangChainBackend(chat_anthropic(server, thinking={"type": "adaptive"}, **options))


class TestResponses(BackendContract):
    """ChatOpenAI over Responses fulfils the contract."""

    harness = WireHarness(over_responses, Can(priced=False))


class TestMessages(BackendContract):
    """ChatAnthropic fulfils the contract."""

    harness = WireHarness(over_messages, Can(priced=False, refusal_words=False))


class TestChatCompletions(BackendContract):
    """ChatOpenAI over chat completions fulfils the contract; it drops reasoning and refusals."""

    harness = WireHarness(
        over_chat,
        Can(reasoning=False, sealed=False, interleaved=True, priced=False, refusal_words=False),
    )


async def fails(said: Said, **options: Any) -> tuple[BackendError, int]:
    """Return the error of a call that the server answers so, and how many requests it took."""
    with LoopbackServer([said]) as server:
        backend = LangChainBackend(chat_openai(server, use_responses_api=False, **options))
        try:
            with pytest.raises(BackendError) as caught:
                await collect(backend)
        finally:
            await backend.aclose()
        return caught.value, len(server.requests)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (HttpError(status=401, message=f"Incorrect API key: {KEY}"), AuthError),
        (HttpError(status=400, message="No."), BadRequestError),
        (HttpError(status=500), OverloadedError),
        (WireTurn(text="Well, " * 9, end="eof", after=4), IncompleteStreamError),
        (WireTurn(text="Well, " * 9, end="drop", after=4), BackendConnectionError),
    ],
    ids=["key", "request", "server", "cut", "dropped"],
)
async def test_errors_are_ours(said: Said, kind: type[BackendError]) -> None:
    """What an integration raises is one of our errors, after one request, and shows no key."""
    error, requests = await fails(said)
    assert type(error) is kind
    assert requests == 1
    assert KEY not in "".join(traceback.format_exception(error))


async def test_a_wait_that_the_server_asks_for() -> None:
    """Retry-After reaches the one retry policy; a model's own retries stay where it has chosen."""
    error, requests = await fails(HttpError(status=429, retry_after=7))
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, requests) == (7, 1)
    _, requests = await fails(HttpError(status=429, retry_after=0.01), max_retries=1)
    assert requests == 2


async def test_nobody_answers() -> None:
    """A server that is not there is a connection error."""
    model = ChatOpenAI(model="m", base_url="http://127.0.0.1:9/v1", api_key=KEY)
    backend = LangChainBackend(model)
    with pytest.raises(BackendConnectionError, match=r"ChatOpenAI \(http://127.0.0.1:9/v1\)"):
        await collect(backend)
    await backend.aclose()


async def test_what_is_echoed_and_found() -> None:
    """A message goes back with its signature, and what the provider's own tools found is told."""
    turn = WireTurn(
        text="It rains.",
        reasoning="Hm.",
        searches=[("weather ulm", [("https://w.example", "Weather")])],
    )
    with LoopbackServer([turn]) as server:
        backend = LangChainBackend(chat_anthropic(server, thinking={"type": "adaptive"}))
        chunks = await collect(backend)
        turn_said = fold(chunks)
        messages = [*QUESTION, turn_said.message, HumanMessage("Sure?")]
        await collect(backend, messages=messages)
        await backend.aclose()
        assert not server.refused
    [found] = [chunk for chunk in chunks if isinstance(chunk, BuiltinToolResultsChunk)]
    assert found.builtin_tool_results[0]["type"] == "web_search"
    sent = server.requests[1].body["messages"][1]["content"]
    assert next(block for block in sent if block["type"] == "thinking")["signature"]


def test_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A config names the model, LangChain builds it, and no key of the environment gets abroad."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    async def ask(backend: LLMBackend) -> str:
        text = fold(await collect(backend)).text
        await backend.aclose()
        return text

    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        config = {"type": "langchain", "model": "openai:gpt-5.4", "base_url": server.base_url}
        backend = backend_from_config({**config, "model_kwargs": {"use_responses_api": False}})
        assert asyncio.run(ask(backend)) == "Hi."
        assert KEY not in server.requests[0].headers["authorization"]
        named = backend_from_config({**config, "api_key": "sk-mine"})
        assert asyncio.run(ask(named)) == "Hi."
        assert server.requests[1].headers["authorization"] == "Bearer sk-mine"
    assert (backend.provider_name, backend.model) == ("langchain", "gpt-5.4")
    assert "sk-mine" not in repr(named)


def test_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key or package is told before the first call, with what to do."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingError, match="OPENAI_API_KEY"):
        build_backend("langchain:openai:gpt-5.4")
    with pytest.raises(UserError, match="takes no options"):
        LangChainBackend(FakeListChatModel(responses=["x"]), temperature=1.0)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "openai" in name else real(name)
    )
    with pytest.raises(MissingError, match=r"-m pip install langchain-openai$"):
        LangChainBackend("openai:gpt-5.4", api_key=KEY)
    assert sys.executable


async def test_an_integration_that_is_not_there() -> None:
    """One that is missed only by LangChain itself is told with its command, too."""
    backend = LangChainBackend("groq:llama", api_key=KEY)
    with pytest.raises(MissingError, match="pip install"):
        await backend.prepare()


async def test_a_model_that_says_no_reason() -> None:
    """Where a model never says why it stopped, the end of the stream is the end."""
    backend = LangChainBackend(FakeListChatModel(responses=["Hello."]))
    turn = fold(await collect(backend))
    assert (turn.text, turn.finish_reason) == ("Hello.", "stop")


async def test_a_model_without_tools() -> None:
    """A model that cannot call tools says what to do."""
    backend = LangChainBackend(FakeListChatModel(responses=["Hello."]))
    with pytest.raises(BadRequestError, match=r"FakeListChatModel cannot call tools.*that can\."):
        await collect(backend, WEATHER)


class Whole(GenericFakeChatModel):
    """A model that does not stream."""

    def _stream(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _should_stream(self, **kwargs: Any) -> bool:
        return False


async def test_a_model_that_does_not_stream() -> None:
    """Its message comes whole, with its calls; broken arguments are not made good."""
    good = AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Ulm"}, "id": "a"}])
    bad = AIMessage(
        "", invalid_tool_calls=[{"name": "weather", "args": '{"ci', "id": "b", "error": None}]
    )
    backend = LangChainBackend(Whole(messages=iter([good, bad])))
    assert fold(await collect(backend, WEATHER)).tool_calls[0]["args"] == {"city": "Ulm"}
    with pytest.raises(MalformedResponseError):
        fold(await collect(backend, WEATHER))


def test_an_agent_takes_the_model_itself() -> None:
    """`Agent.backend` is a LangChain model; what is none is refused when the agent is made."""
    backend = Agent("alice", FakeListChatModel(responses=["x"])).build_backend()
    assert isinstance(backend, LangChainBackend)
    with pytest.raises(UserError, match="neither a backend nor a LangChain chat model"):
        Agent("alice", FakeListChatModel(responses=["x"]).bind(stop=["a"]))  # type: ignore[arg-type]
