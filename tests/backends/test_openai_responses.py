"""The OpenAI adapter: models, options, what is asked for, and what goes wrong."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.errors import (
    AuthError,
    BackendError,
    BadRequestError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
    UserError,
)
from massgraph.backends.fold import Turn, fold
from massgraph.backends.openai import OpenAIBackend
from massgraph.backends.openai.models import OPENAI_MODELS, split_effort
from massgraph.backends.profile import of_model
from tests.wire.reply import Reply
from tests.wire.server import LoopbackServer, Said
from tests.wire.turn import HttpError, WireTurn, WireUsage

from .contract import collect

KEY = "sk-loopback-5f3a9c"
HELLO = WireTurn(text="Hello.")
TALK: list[AnyMessage] = [SystemMessage("Be brief."), HumanMessage("Why?")]
TOOL = ToolSchema(
    "look",
    "Looks.",
    {
        "type": "object",
        "properties": {"at": {"type": "string"}},
        "required": ["at"],
        "additionalProperties": False,
    },
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any of the variables that the SDK reads."""
    for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "ADMIN_KEY", "CUSTOM_HEADERS"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)


def made(model: str = "gpt-5.4", **options: Any) -> OpenAIBackend:
    """Return a backend that is never called."""
    return OpenAIBackend(model, **{"api_key": KEY, "base_url": "http://127.0.0.1:9/v1", **options})


async def ask(server: LoopbackServer, model: str = "gpt-5.4", **options: Any) -> Turn:
    """Return the turn that a backend with these options gets from the server."""
    backend = OpenAIBackend(model, base_url=server.base_url, api_key=KEY, **options)
    try:
        return fold(await collect(backend, TOOL, messages=TALK))
    finally:
        await backend.aclose()


async def sent(model: str = "gpt-5.4", **options: Any) -> dict[str, Any]:
    """Return the body that a backend with these options sends, and that the server takes."""
    async with LoopbackServer([HELLO]) as server:
        await ask(server, model, **options)
    body: dict[str, Any] = server.requests[0].body
    return body


async def failure(said: Said, model: str = "gpt-9", **options: Any) -> BackendError:
    """Return the error that a server's reply is."""
    async with LoopbackServer([said]) as server:
        with pytest.raises(BackendError) as caught:
            await ask(server, model, **options)
    assert KEY not in str(caught.value)
    return caught.value


# --- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name", "effort"),
    [
        ("o3-mini-high", "o3-mini", "high"),
        ("o4-mini-low", "o4-mini", "low"),
        ("o1-medium", "o1", "medium"),
        ("o3-mini", "o3-mini", None),
        ("gpt-5.4-high", "gpt-5.4-high", None),
        ("my-model-low", "my-model-low", None),
        ("low", "low", None),
    ],
)
def test_effort_behind_the_name(model: str, name: str, effort: str | None) -> None:
    """The effort behind a model of the o-series is split off; other names are left alone."""
    assert split_effort(model) == (name, effort)


@pytest.mark.parametrize("model", ["o3-mini-extreme", "O1-xhigh", "o4-mini-none"])
def test_a_word_that_is_no_effort(model: str) -> None:
    """Behind an o-series model, it is refused."""
    last = model.rpartition("-")[2]
    with pytest.raises(UserError, match=f"'{last}' is no reasoning effort; known: low, medium"):
        split_effort(model)


@pytest.mark.parametrize(
    "model",
    [
        "o1-preview",
        "o3-pro",
        "o3-deep-research",
        "o3-2025-04-16",
        "o4-mini-2025-04-16",
        "o3-pro-x1",
    ],
)
def test_a_word_that_is_of_the_name(model: str) -> None:
    """A date, a size or a preview stays where it is."""
    assert split_effort(model) == (model, None)


async def test_the_effort_is_sent() -> None:
    """`o3-mini-high` asks o3-mini to think hard."""
    body = await sent("o3-mini-high")
    assert (body["model"], body["reasoning"]) == ("o3-mini", {"effort": "high"})


@pytest.mark.parametrize(
    ("model", "reasons", "sampling", "tools", "breakpoints"),
    [
        ("gpt-4o-2024-08-06", False, "always", 2, False),
        ("gpt-4.1-nano", False, "always", 1, False),
        ("gpt-4-turbo", False, "always", 0, False),
        ("gpt-5-mini", True, "never", 2, False),
        ("gpt-5-chat-latest", False, "always", 2, False),
        ("gpt-5-pro-2025-10-06", True, "never", 1, False),
        ("gpt-5.4-nano", True, "at_none", 2, False),
        ("gpt-5.6-sol", True, "at_none", 2, True),
        ("gpt-6.2-astra", True, "at_none", 2, True),
        ("gpt-7", True, "at_none", 2, True),
        ("o3-mini", True, "never", 1, False),
        ("o4-mini-2025-04-16", True, "never", 2, False),
        ("openai/gpt-5.4", True, "at_none", 2, False),
        ("qwen3", None, "always", 2, False),
    ],
)
def test_what_models_take(
    model: str, reasons: bool | None, sampling: str, tools: int, breakpoints: bool
) -> None:
    """Families are told by the beginning of a name, dated, future and unknown ones included."""
    found = of_model(OPENAI_MODELS, model)
    assert (found.reasons, found.sampling, len(found.tools), found.breakpoints) == (
        reasons,
        sampling,
        tools,
        breakpoints,
    )


@pytest.mark.parametrize(
    ("model", "options", "unsent"),
    [
        ("gpt-5.4", {"temperature": 0.2}, {"temperature"}),
        ("gpt-5.4", {"temperature": 0.2, "reasoning_effort": "none"}, set()),
        ("o4-mini", {"temperature": 0.2, "reasoning_effort": "low"}, {"temperature"}),
        ("gpt-4.1", {"temperature": 0.2}, set()),
        (
            "gpt-4.1",
            {"reasoning_effort": "low", "reasoning_summary": "auto"},
            {"reasoning_effort", "reasoning_summary"},
        ),
        ("gpt-4.1", {"search_context_size": "low"}, {"search_context_size"}),
        ("gpt-4.1", {"search_context_size": "low", "enable_web_search": True}, set()),
        ("qwen3", {"temperature": 0.2, "reasoning_effort": "low"}, set()),
    ],
)
def test_what_a_model_does_not_take(
    model: str, options: dict[str, Any], unsent: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What a model does not take is a warning that names it, and is not sent."""
    with caplog.at_level(logging.WARNING, logger="massgraph"):
        backend = made(model, **options)
    assert set(backend.unsent) == unsent
    assert len(caplog.records) == len(unsent)
    for name, why in backend.unsent.items():
        assert why.startswith(f"{model} does not take {name}, so it is not sent: ")


async def test_parameters_of_a_call(caplog: pytest.LogCaptureFixture) -> None:
    """Parameters of a call go over those of the backend; what there is not is not sent."""
    async with LoopbackServer([HELLO]) as server:
        backend = OpenAIBackend(
            "gpt-5.4", base_url=server.base_url, api_key=KEY, max_tokens=99, reasoning_effort="low"
        )
        with caplog.at_level(logging.WARNING, logger="massgraph"):
            async for _ in backend.stream_with_tools(
                TALK, (), max_tokens=None, reasoning_summary="auto", stop=["x"], top_p=0.5
            ):
                pass
        await backend.aclose()
    body = server.requests[0].body
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert not {"max_output_tokens", "stop", "top_p"} & body.keys()
    assert len(caplog.records) == 2


# --- options -------------------------------------------------------------------------------------


async def test_options_on_the_wire() -> None:
    """Each option has its place in the request."""
    body = await sent(
        "gpt-5.4",
        max_tokens=100,
        reasoning_effort="xhigh",
        reasoning_summary="concise",
        service_tier="flex",
        enable_web_search=True,
        search_context_size="high",
        enable_code_interpreter=True,
        extra_body={"truncation": "auto", "metadata": {"a": "b"}},
    )
    assert body["max_output_tokens"] == 100
    assert body["reasoning"] == {"effort": "xhigh", "summary": "concise"}
    assert (body["service_tier"], body["truncation"]) == ("flex", "auto")
    assert body["store"] is False
    assert body["include"] == [
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "code_interpreter_call.outputs",
    ]
    assert body["tools"][:2] == [
        {"type": "web_search", "search_context_size": "high"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    assert (body["tools"][2]["name"], body["tools"][2]["strict"]) == ("look", True)


async def test_a_model_that_does_not_reason() -> None:
    """Reasoning is asked back from models alone that have it; temperature goes to the others."""
    body = await sent("gpt-4.1", temperature=0.2)
    assert body["temperature"] == 0.2
    assert "include" not in body


async def test_the_newest_models_get_breakpoints() -> None:
    """A model whose cache is looked up at breakpoints alone is sent some."""
    body = await sent("gpt-5.6-terra")
    assert body["prompt_cache_options"] == {"mode": "explicit"}
    assert "prompt_cache_breakpoint" in body["input"][0]["content"][0]


async def test_two_names_of_code_execution() -> None:
    """Either name of code execution switches it on."""
    for name in ("enable_code_execution", "enable_code_interpreter"):
        assert (await sent(**{name: True}))["tools"][0]["type"] == "code_interpreter"


def test_names_itself() -> None:
    """It tells its provider, its model and its builtin tools, and never its key."""
    backend = made("o3-mini-high")
    assert (backend.provider_name, backend.model) == ("openai", "o3-mini")
    assert backend.supported_builtin_tools == {"code_execution"}
    assert KEY not in repr(backend)


# --- usage ---------------------------------------------------------------------------------------


async def test_usage_and_price() -> None:
    """Tokens, searches and containers are priced as the provider bills them."""
    said = WireTurn(
        text="Hi",
        searches=[("q", [("http://a", "A")])],
        code_runs=[("1", "1"), ("2", "2")],
        usage=WireUsage(input=1000, cached=400, cache_write=200, output=100, reasoning=60),
    )
    async with LoopbackServer([said]) as server:
        usage = (
            await ask(server, "gpt-6-astra", enable_web_search=True, enable_code_execution=True)
        ).usage
    assert usage is not None
    assert (usage.input_tokens, usage.cached_tokens) == (1000, 400)
    assert (usage.output_tokens, usage.reasoning_tokens) == (100, 60)
    tokens = (400 * 10 + 400 * 1 + 200 * 12.5 + 100 * 50) / 1e6
    assert usage.estimated_cost == pytest.approx(tokens + 0.01 + 0.03)


async def test_a_tier_whose_price_is_not_known() -> None:
    """Another tier than the standard one costs something else: the price is unknown, not wrong."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    for tier, known in (("default", True), ("priority", False), ("flex", False)):
        end = {"type": "response.completed", "response": {"usage": usage, "service_tier": tier}}
        async with LoopbackServer([Reply(frames=(end,), closing=())]) as server:
            used = (await ask(server)).usage
        assert used is not None
        assert (used.estimated_cost is not None) == known


# --- conversations -------------------------------------------------------------------------------


async def test_a_transcript_goes_back() -> None:
    """What the model thought, searched, ran and called goes back as a strict server wants it."""
    said = WireTurn(
        reasoning="Hm.",
        text="Let me see.",
        searches=[("q", [("http://a", "A")])],
        code_runs=[("1", "1")],
        calls=[("look", {"at": "a"}), ("look", {"at": "b"})],
        citations=[("http://a", "A", "see")],
    )
    async with LoopbackServer([said, HELLO]) as server:
        backend = OpenAIBackend("gpt-5.6-sol", base_url=server.base_url, api_key=KEY)
        turn = fold(await collect(backend, TOOL, messages=TALK))
        results = [backend.tool_result_message(call, "Seen.") for call in turn.tool_calls]
        await collect(backend, TOOL, messages=[*TALK, turn.message, *results])
        await backend.aclose()
    assert not server.refused
    kinds = [item["type"] for item in server.requests[1].body["input"]]
    assert kinds[2:] == [
        "reasoning",
        "web_search_call",
        "code_interpreter_call",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]


async def test_another_model_gets_the_plain_text() -> None:
    """What one model has sealed is not sent to another one."""
    said = WireTurn(reasoning="Hm.", text="Hi.")
    async with LoopbackServer([said, HELLO]) as server:
        turn = await ask(server, "gpt-5.4")
        backend = OpenAIBackend("gpt-4.1", base_url=server.base_url, api_key=KEY)
        await collect(backend, messages=[*TALK, turn.message, HumanMessage("And?")])
        await backend.aclose()
    sent_items = server.requests[1].body["input"]
    assert sent_items[2] == {"type": "message", "role": "assistant", "content": "Hi."}


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("gpt-4.1-nano", {"enable_web_search": True}, "nano: enable_web_search: this model has no"),
        ("gpt-4-turbo", {"enable_code_interpreter": True}, "turbo: enable_code_execution: this"),
        ("gpt-5", {"enable_web_search": True, "reasoning_effort": "minimal"}, "'minimal'"),
        ("o3-mini-high", {"reasoning_effort": "low"}, "contradict"),
        ("gpt-5.4", {"max_tokens": 15}, "16 or more"),
        ("gpt-5.4", {"base_url": "example"}, "base_url is not"),
        ("gpt-5.4", {"api_key": "sk-ant-1", "base_url": None}, "Anthropic, not of OpenAI"),
        ("gpt-5.4", {"api_key": None}, "OPENAI_API_KEY"),
        ("", {}, "needs a model"),
    ],
)
def test_mistakes_are_found_at_once(model: str, options: dict[str, Any], words: str) -> None:
    """A wrong combination is refused when the backend is built, in one line."""
    with pytest.raises(UserError, match=words) as caught:
        made(model, **options)
    assert "\n" not in str(caught.value)


async def test_the_address_of_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OPENAI_BASE_URL` and `OPENAI_API_KEY` count where nothing else is said."""
    async with LoopbackServer([HELLO]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        backend = OpenAIBackend("gpt-5.4")
        assert fold(await collect(backend)).text == "Hello."
        await backend.aclose()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_wrong_key() -> None:
    """A key that is not accepted is named by where it came from."""
    error = await failure(HttpError(status=401, message=f"Incorrect API key: {KEY}."))
    assert type(error) is AuthError
    assert "the key in api_key" in str(error)


@pytest.mark.parametrize(
    "said",
    [
        HttpError(status=404, message="The model `gpt-9` does not exist.", code="model_not_found"),
        HttpError(status=404, message="Nowhere."),
        Reply(status=404, body=b"<html>nothing here</html>"),
        HttpError(status=400, message="The requested model 'gpt-9' does not exist."),
    ],
)
async def test_an_unknown_model(said: Said) -> None:
    """A model that the server does not know is named, whatever the server says."""
    error = await failure(said)
    assert isinstance(error, BadRequestError)
    assert "gpt-9" in str(error)
    assert "html" not in str(error)


async def test_a_key_in_the_servers_words() -> None:
    """A server that repeats the key is not repeated, neither in the error nor in its causes."""
    for status in (404, 500):
        error = await failure(HttpError(status=status, message=f"Nothing for {KEY}."))
        assert KEY not in "".join(traceback.format_exception(error))


async def test_a_parameter_that_is_refused() -> None:
    """What the server says of a parameter is what a person reads."""
    error = await failure(HttpError(status=400, message="Unsupported parameter: 'user'."))
    assert type(error) is BadRequestError
    assert "Unsupported parameter: 'user'." in str(error)


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_server_that_does_not_stream(kind: str) -> None:
    """A page, or an answer in one piece, is told from a stream that broke."""
    error = await failure(Reply(body=b"<p>Hi</p>", headers={"Content-Type": kind}))
    assert type(error) is BadRequestError
    assert kind in str(error)
    assert "base_url" in str(error)


async def test_an_event_that_is_no_object() -> None:
    """An event that is no JSON object is refused."""
    error = await failure(Reply(frames=(b"data: [1]\n\n",)))
    assert type(error) is MalformedResponseError


@pytest.mark.parametrize("as_event", [True, False])
async def test_errors_in_the_stream(as_event: bool) -> None:
    """Both forms of an error in a stream are errors, with words and class."""
    turn = WireTurn(text="Hi", error="rate_limit", error_event=as_event, message="Slower!")
    error = await failure(turn)
    assert type(error) is RateLimitError
    assert "Slower!" in str(error)


async def test_an_error_in_the_form_of_other_servers() -> None:
    """`{"error": ...}`, which the SDK raises by itself, is understood, too."""
    frame = {"error": {"message": "Full.", "code": "server_error"}}
    assert type(await failure(Reply(frames=(frame,)))) is OverloadedError


# --- connections ---------------------------------------------------------------------------------


async def test_a_connection_is_used_again() -> None:
    """One connection serves one call after the other."""
    async with LoopbackServer([HELLO]) as server:
        backend = OpenAIBackend("gpt-5.4", base_url=server.base_url, api_key=KEY)
        for _ in range(3):
            await collect(backend)
        assert server.connections_made == 1
        await backend.aclose()


async def test_the_sdk_does_not_retry() -> None:
    """A failed request is sent again by the policy of all backends alone."""
    backend = OpenAIBackend("gpt-5.4", base_url="http://127.0.0.1:9/v1", api_key=KEY)
    assert (await backend._client()).max_retries == 0
    await backend.aclose()


@pytest.mark.parametrize("end", ["stall", "drop"])
async def test_a_server_that_does_not_end_its_stream(
    end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response that has ended is complete, whatever the server does then."""
    monkeypatch.setattr("massgraph.backends.linger.LINGER_S", 0.01)
    finished = {"type": "response.completed", "response": {}}
    async with LoopbackServer([Reply(frames=(finished,), end=end, closing=())]) as server:
        began = time.perf_counter()
        turn = await ask(server)
        assert time.perf_counter() - began < 20
        await server.idle()
    assert turn.finish_reason == "stop"


async def test_leaving_a_server_that_babbles() -> None:
    """A call is left at once also while the server talks without a pause."""
    delta = {"type": "response.output_text.delta", "delta": "on and "}
    async with LoopbackServer([Reply(frames=(delta, 0.001) * 5000, end="stall")]) as server:
        backend = OpenAIBackend("gpt-5.4", base_url=server.base_url, api_key=KEY)
        await backend.prepare()
        took: list[float] = []
        for _ in range(3):  # the best counts: other programs run beside this one
            stream = backend.stream_with_tools(TALK, ())
            async for _chunk in stream:
                break
            task = asyncio.create_task(stream.aclose())  # type: ignore[attr-defined]
            began = time.perf_counter()
            await task
            took.append(await server.disconnected(timeout=5) - began)
        assert min(took) < 0.5
        await backend.aclose()
