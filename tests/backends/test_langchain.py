"""The LangChain backend: over real integrations and real HTTP, and models that LangChain ships."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import traceback
import warnings
from dataclasses import replace
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
    UsageChunk,
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
from massgraph.backends.langchain.chunks import MessageReader
from massgraph.backends.langchain.providers import FAMILIES, INTEGRATIONS
from massgraph.backends.prices import Tariff
from massgraph.backends.registry import backend_from_config, build_backend
from tests.wire.server import LoopbackServer, Said
from tests.wire.turn import HttpError, WireTurn

from .contract import QUESTION, WEATHER, BackendContract, Can, WireHarness, collect

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

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

    harness = WireHarness(over_responses, Can(priced=False, schema=False))


class TestMessages(BackendContract):
    """ChatAnthropic fulfils the contract."""

    harness = WireHarness(over_messages, Can(priced=False, refusal_words=False, schema=False))


class TestChatCompletions(BackendContract):
    """ChatOpenAI over chat completions fulfils the contract; it drops reasoning and refusals."""

    harness = WireHarness(
        over_chat,
        Can(
            reasoning=False,
            sealed=False,
            interleaved=True,
            priced=False,
            refusal_words=False,
            schema=False,
        ),
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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("opnai:gpt-5.4", r"no provider 'opnai'; did you mean 'openai'\?$"),
        ("mistral:m", r"no provider 'mistral'; did you mean 'mistralai'\?$"),
        ("foo", "the provider of 'foo' cannot be told"),
        ("openai:", "needs a model"),
        ("mistral-large", "pip install langchain-mistralai$"),
        ("ollama:qwen3", "pip install langchain-ollama$"),
        ("groq:llama", "pip install langchain-groq$"),
        ("gpt-5.4", "OPENAI_API_KEY"),
    ],
)
def test_a_name_that_cannot_work(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused when the backend is built, not when it is asked."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match=said):
        build_backend(f"langchain:{name}")


def test_the_tables_are_those_of_langchain() -> None:
    """The providers, their classes, and how their models' names begin."""
    theirs: Any = importlib.import_module("langchain.chat_models.base")
    table = theirs._BUILTIN_PROVIDERS
    assert {name: row[:2] for name, row in table.items()} == dict(INTEGRATIONS)
    for start, provider in FAMILIES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Gemini's provider
            assert theirs._attempt_infer_model_provider(f"{start}x") == provider


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nonsense": 3}, "ChatOpenAI has no argument 'nonsense'"),
        ({"reasoning_efort": "low"}, "Did you mean 'reasoning_effort'"),
        ({"max_retries": "often"}, "cannot build openai:gpt-5.4: max_retries: "),
    ],
)
async def test_arguments_that_a_class_does_not_have(wrong: dict[str, Any], said: str) -> None:
    """They are refused in our words, as a failure of the call; nothing is sent."""
    with LoopbackServer([]) as server:
        options = {"base_url": server.base_url, "api_key": KEY, "model_kwargs": wrong}
        backend = LangChainBackend("openai:gpt-5.4", **options)
        with pytest.raises(BadRequestError, match=said):
            await collect(backend)
        assert not server.requests


def answer(**details: Any) -> AIMessage:
    usage: Any = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100, **details}
    return AIMessage("Hi.", usage_metadata=usage)


@pytest.mark.parametrize(
    ("message", "tariff", "cost"),
    [
        (answer(), Tariff("gpt-4o", url="https://api.openai.com/v1"), 0.0035),
        (
            answer(input_token_details={"cache_read": 400}),
            Tariff("gpt-4o", url="https://api.openai.com/v1"),
            0.003,
        ),
        (
            answer(
                input_token_details={
                    "cache_read": 0,
                    "cache_creation": 0,
                    "ephemeral_5m_input_tokens": 200,
                    "ephemeral_1h_input_tokens": 400,
                }
            ),
            Tariff("claude-sonnet-4-5", url="https://api.anthropic.com"),
            (400 * 3 + 200 * 3.75 + 400 * 6 + 100 * 15) / 1e6,
        ),
        (answer(), Tariff("gpt-4o", url="http://127.0.0.1:9/v1"), None),
        (
            answer(input_token_details={"flex": 1000}),
            Tariff("gpt-4o", url="https://api.openai.com/v1"),
            None,
        ),
    ],
    ids=["plain", "cached", "written", "another server", "a tier"],
)
def test_the_price(message: AIMessage, tariff: Tariff, cost: float | None) -> None:
    """It is known where the server and all that was used have a price, and is None else, not 0."""
    reader = MessageReader(tariff)
    told = [*reader.read(message), *reader.end(marked=False)]
    [used] = [chunk.usage for chunk in told if isinstance(chunk, UsageChunk)]
    assert used.estimated_cost == (cost if cost is None else pytest.approx(cost))


def test_the_price_of_builtin_tools_is_not_known() -> None:
    """LangChain does not tell how often they were used."""
    blocks: Any = [
        {"type": "server_tool_call", "id": "s", "name": "web_search", "args": {"query": "x"}},
        {"type": "server_tool_result", "tool_call_id": "s", "status": "success", "output": []},
    ]
    usage: Any = {"input_tokens": 10, "output_tokens": 1, "total_tokens": 11}
    reader = MessageReader(Tariff("gpt-4o", url="https://api.openai.com/v1"))
    message = AIMessage(content_blocks=blocks, usage_metadata=usage)
    told = [*reader.read(message), *reader.end(marked=False)]
    [used] = [chunk.usage for chunk in told if isinstance(chunk, UsageChunk)]
    assert (used.input_tokens, used.estimated_cost) == (10, None)


@pytest.mark.parametrize(
    "model", [ChatOpenAI(model="gpt-4o", api_key=KEY), ChatAnthropic(model="c", api_key=KEY)]
)
def test_the_providers_own_hosts_have_prices(model: Any) -> None:
    """A model that is handed in is looked up by where it sends its requests."""
    tariff = LangChainBackend(model)._tariff
    named = replace(tariff, model="gpt-4o" if "openai" in str(tariff.url) else "claude-sonnet-4-5")
    assert named.cost({"input_tokens": 1000}) is not None


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
