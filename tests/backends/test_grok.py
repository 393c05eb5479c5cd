"""The Grok adapter: its search settings, models, prices, and what goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.errors import (
    AuthError,
    BackendError,
    BadRequestError,
    OverloadedError,
    UserError,
)
from massgraph.backends.fold import Turn, fold
from massgraph.backends.grok import GrokBackend
from massgraph.backends.grok.models import GROK_MODELS
from massgraph.backends.prices import Tariff
from massgraph.backends.profile import of_model
from tests.wire.reply import Reply, Request
from tests.wire.server import LoopbackServer, Said
from tests.wire.turn import HttpError, WireTurn

from .contract import collect

KEY = "xai-loopback-5f3a9c"
HELLO = WireTurn(text="Hello.")
TALK: list[AnyMessage] = [SystemMessage("Be brief."), HumanMessage("Why?")]
VOTE = ToolSchema("vote", "Votes.", {"type": "object", "properties": {}})
PAGES = [("http://a", "A"), ("http://b", "B"), ("http://c", "C")]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any of the variables that matter."""
    for name in ("XAI_API_KEY", "XAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def made(model: str = "grok-4.5", **options: Any) -> GrokBackend:
    """Return a backend that is never called."""
    return GrokBackend(model, **{"api_key": KEY, "base_url": "http://127.0.0.1:9/v1", **options})


async def ask(server: LoopbackServer, model: str = "grok-4.5", **options: Any) -> Turn:
    """Return the turn that a backend with these options gets from the server."""
    backend = GrokBackend(model, base_url=f"{server.origin}/xai/v1", api_key=KEY, **options)
    try:
        return fold(await collect(backend, VOTE, messages=TALK))
    finally:
        await backend.aclose()


async def sent(model: str = "grok-4.5", **options: Any) -> dict[str, Any]:
    """Return the body that a backend with these options sends, and that the server takes."""
    async with LoopbackServer([HELLO]) as server:
        await ask(server, model, **options)
    body: dict[str, Any] = server.requests[0].body
    return body


# --- search settings -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "tools"),
    [
        ({}, []),
        ({"search_mode": "off"}, []),
        ({"search_mode": "auto"}, ["web_search"]),
        ({"search_mode": "on"}, ["web_search"]),
        ({"enable_web_search": True}, ["web_search"]),
        ({"enable_web_search": True, "search_mode": "on"}, ["web_search"]),
        ({"enable_x_search": True}, ["x_search"]),
        (
            {"search_mode": "auto", "enable_x_search": True, "enable_code_execution": True},
            ["web_search", "x_search", "code_interpreter"],
        ),
        ({"enable_code_interpreter": True}, ["code_interpreter"]),
    ],
)
async def test_which_tools_are_offered(options: dict[str, Any], tools: list[str]) -> None:
    """The search settings offer server-side tools, and never what xAI has taken away."""
    body = await sent(**options)
    assert [tool["type"] for tool in body["tools"]] == [*tools, "function"]
    assert "search_parameters" not in body
    assert "tool_choice" not in body


async def test_search_on_tells_the_model_to_search() -> None:
    """`on` says so in the system message, the same in each request; `auto` says nothing."""
    told = (await sent(search_mode="on"))["input"][0]["content"][0]["text"]
    assert told.startswith("Be brief.\n\n")
    assert "search the web" in told
    again = (await sent(search_mode="on"))["input"][0]["content"][0]["text"]
    assert told == again
    plain = (await sent(search_mode="auto"))["input"][0]["content"][0]["text"]
    assert plain == "Be brief."


def _found() -> WireTurn:
    return WireTurn(
        text="one two three",
        searches=[("q", PAGES)],
        citations=[
            (url, title, word)
            for (url, title), word in zip(PAGES, ("one", "two", "three"), strict=True)
        ],
    )


async def _told(**options: Any) -> dict[str, list[str]]:
    async with LoopbackServer([_found()]) as server:
        turn = await ask(server, search_mode="auto", **options)
    told: dict[str, list[str]] = {"web_search": [], "citation": []}
    for result in turn.builtin_tool_results:
        told[result["type"]] += [source["url"] for source in result.get("sources", ())]
    return told


async def test_all_results_are_told() -> None:
    """Without further settings, all sources and citations are told."""
    urls = [url for url, _ in PAGES]
    assert await _told() == {"web_search": urls, "citation": urls}


async def test_max_search_results() -> None:
    """`max_search_results` limits the sources and the citations that are told."""
    urls = ["http://a", "http://b"]
    assert await _told(max_search_results=2) == {"web_search": urls, "citation": urls}


async def test_return_citations() -> None:
    """Without `return_citations` none are told, and none are asked for in the text."""
    assert (await _told(return_citations=False))["citation"] == []
    body = await sent(search_mode="auto", return_citations=False)
    assert "no_inline_citations" in body["include"]
    assert "no_inline_citations" not in (await sent(return_citations=False))["include"]
    assert "no_inline_citations" not in (await sent(search_mode="auto"))["include"]


# --- models and options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "reasons", "effort", "tools"),
    [
        ("grok-4", True, False, True),
        ("grok-4-0709", True, False, True),
        ("grok-4-fast-non-reasoning", False, False, True),
        ("grok-4-1-fast-reasoning", True, False, True),
        ("grok-4.20-0309-reasoning", True, False, True),
        ("grok-4.20-0309-non-reasoning", False, False, True),
        ("grok-4.20-multi-agent-0309", True, True, True),
        ("grok-4.3", True, True, True),
        ("grok-4.7", True, True, True),
        ("grok-3", False, False, False),
        ("grok-3-mini-fast", True, True, False),
        ("grok-code-fast-1", True, False, False),
        ("grok-5", True, True, True),
    ],
)
def test_what_models_take(model: str, reasons: bool, effort: bool, tools: bool) -> None:
    """Families are told by the beginning of a name, future ones included."""
    found = of_model(GROK_MODELS, model)
    assert (found.reasons, found.effort, bool(found.tools)) == (reasons, effort, tools)


async def test_options_on_the_wire() -> None:
    """Each option has its place; reasoning is asked back; `strict` is not xAI's."""
    body = await sent(
        temperature=0.2, max_tokens=50, reasoning_effort="high", extra_body={"top_p": 1}
    )
    assert (body["temperature"], body["top_p"], body["max_output_tokens"]) == (0.2, 1, 50)
    assert body["reasoning"] == {"effort": "high"}
    assert (body["store"], body["include"]) == (False, ["reasoning.encrypted_content"])
    assert "strict" not in body["tools"][0]
    assert body["prompt_cache_key"]


def test_what_a_model_does_not_take(caplog: pytest.LogCaptureFixture) -> None:
    """An effort that cannot be set is a warning, and is not sent."""
    with caplog.at_level(logging.WARNING, logger="massgraph"):
        backend = made("grok-4", reasoning_effort="low")
    assert set(backend.unsent) == {"reasoning_effort"}
    assert len(caplog.records) == 1


async def test_parameters_of_chat_completions(caplog: pytest.LogCaptureFixture) -> None:
    """Penalties and stop words, which Grok refuses, are not sent."""
    async with LoopbackServer([HELLO]) as server:
        backend = GrokBackend("grok-4.5", base_url=server.base_url, api_key=KEY)
        with caplog.at_level(logging.WARNING, logger="massgraph"):
            async for _ in backend.stream_with_tools(TALK, (), stop=["x"], presence_penalty=1):
                pass
        await backend.aclose()
    assert not {"stop", "presence_penalty"} & server.requests[0].body.keys()
    assert len(caplog.records) == 2


def test_names_itself() -> None:
    """It tells its provider, its model and its builtin tools, and never its key."""
    backend = made()
    assert (backend.provider_name, backend.model) == ("grok", "grok-4.5")
    assert backend.supported_builtin_tools == {"web_search", "code_execution"}
    assert made("grok-3").supported_builtin_tools == frozenset()
    assert KEY not in repr(backend)


# --- prices --------------------------------------------------------------------------------------


def _ended(**usage: Any) -> Reply:
    tokens = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    tokens |= {"output_tokens_details": {"reasoning_tokens": 60}}  # type: ignore[dict-item]
    response = {"status": "completed", "output": [], "usage": {**tokens, **usage}}
    return Reply(frames=({"type": "response.completed", "response": response},), closing=())


async def _cost(said: Reply | WireTurn, **options: Any) -> float | None:
    async with LoopbackServer([said]) as server:
        usage = (await ask(server, **options)).usage
    assert usage is not None
    return usage.estimated_cost


TOKENS = (1000 * 2 + 100 * 6) / 1e6


async def test_tokens() -> None:
    """Reasoning is inside of the output, as it is billed."""
    async with LoopbackServer([_ended()]) as server:
        usage = (await ask(server)).usage
    assert usage is not None
    assert (usage.output_tokens, usage.reasoning_tokens) == (100, 60)
    assert usage.estimated_cost == pytest.approx(TOKENS)


async def test_tools_are_billed_by_what_xai_has_counted() -> None:
    """Successful uses of server-side tools are billed, as the usage counts them."""
    told = {"web_search_calls": 2, "x_search_calls": 1, "code_interpreter_calls": 1, "mcp_calls": 0}
    cost = await _cost(_ended(server_side_tool_usage_details=told))
    assert cost == pytest.approx(TOKENS + 4 * 0.005)


async def test_tools_are_counted_where_xai_does_not() -> None:
    """Where the usage counts no tools, the items of the response are counted."""
    said = WireTurn(text="Hi", searches=[("q", PAGES)] * 2, code_runs=[("1", "1")])
    tokens = Tariff("grok-4.5", "x-ai").cost(
        {"input_tokens": 12, "cache_read_tokens": 4, "output_tokens": 7}
    )
    assert await _cost(said, search_mode="auto") == pytest.approx((tokens or 0) + 3 * 0.005)


async def test_what_xai_has_charged() -> None:
    """The price that xAI itself names counts, also for a model without a known price."""
    assert await _cost(_ended(cost_in_usd_ticks=37_756_000)) == pytest.approx(0.0037756)
    assert await _cost(_ended(cost_in_usd_ticks=10_000_000_000), model="grok-99") == 1.0
    assert await _cost(_ended(), model="grok-99") is None


# --- what it hears -------------------------------------------------------------------------------


async def test_searches_on_x() -> None:
    """A search of X, which comes as a custom tool, is told as one, and goes back as it came."""
    item = {
        "type": "custom_tool_call",
        "id": "ctc_1",
        "call_id": "xs_1",
        "name": "x_keyword_search",
        "input": '{"query": "massgraph"}',
        "status": "completed",
    }
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    frames = tuple(
        {"type": "response.output_item.done", "output_index": index, "item": said}
        for index, said in enumerate((item, message))
    )
    async with LoopbackServer([Reply(frames=(*frames, _ended().frames[0]), closing=())]) as server:
        turn = await ask(server, enable_x_search=True)
    assert turn.builtin_tool_results == (
        {"type": "x_search", "id": "ctc_1", "name": "x_keyword_search", "queries": ["massgraph"]},
    )
    items = made()._form.body([*TALK, turn.message], [], {})["input"]
    assert items[2] == item


# --- gateways ------------------------------------------------------------------------------------


def _gateway(request: Request) -> Said:
    return HELLO if request.protocol == "chat" else HttpError(status=404, message="Not Found")


async def test_a_gateway_without_responses() -> None:
    """A gateway that knows chat completions alone is asked in those, from then on."""
    async with LoopbackServer(_gateway) as server:
        backend = GrokBackend("grok-4.5", base_url=server.base_url, api_key=KEY, temperature=0.2)
        for _ in range(2):
            assert fold(await collect(backend, VOTE)).text == "Hello."
        await backend.aclose()
    assert [request.protocol for request in server.requests] == ["responses", "chat", "chat"]
    assert server.requests[1].body["temperature"] == 0.2
    assert not server.refused


async def test_a_gateway_without_responses_has_no_tools() -> None:
    """Server-side tools are not silently left out: the gateway's refusal stands."""
    async with LoopbackServer(_gateway) as server:
        with pytest.raises(BadRequestError, match=r"grok-4\.5"):
            await ask(server, search_mode="auto")
    assert len(server.requests) == 1


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("grok-3", {"search_mode": "auto"}, "grok:grok-3: this model has no web search"),
        ("grok-code-fast-1", {"enable_code_execution": True}, "has no code interpreter"),
        ("grok-4.5", {"search_mode": "off", "enable_web_search": True}, "contradict"),
        ("grok-4.5", {"api_key": "sk-1", "base_url": None}, "OpenAI, not of xAI"),
        ("grok-4.5", {"api_key": None}, "XAI_API_KEY"),
        ("grok-4.5", {"base_url": "x.ai"}, "base_url is not"),
    ],
)
def test_mistakes_are_found_at_once(model: str, options: dict[str, Any], words: str) -> None:
    """A wrong combination is refused when the backend is built, in one line."""
    with pytest.raises(UserError, match=words) as caught:
        made(model, **options)
    assert "\n" not in str(caught.value)


async def test_a_wrong_key() -> None:
    """A key that is not accepted is named by where it came from, and nowhere shown."""
    async with LoopbackServer([HttpError(status=401, message=f"Bad {KEY}")]) as server:
        with pytest.raises(AuthError, match="the key in api_key") as caught:
            await ask(server)
    assert KEY not in str(caught.value)


MONEY = "Your team has used all available credits or reached its monthly spending limit."
WRONG = "Incorrect API key provided: xa***5c."


@pytest.mark.parametrize(
    ("said", "cls"), [(MONEY, AuthError), (WRONG, AuthError), ("Try later.", OverloadedError)]
)
@pytest.mark.parametrize("kind", ["failed", "error", "raised"])
async def test_what_its_sentences_mean_within_a_stream(
    kind: str, said: str, cls: type[BackendError]
) -> None:
    """xAI's sentences mean the same in a stream that had begun, however they come."""
    error = {"code": "The caller does not have permission", "message": said}
    frames: dict[str, dict[str, Any]] = {
        "failed": {"type": "response.failed", "response": {"status": "failed", "error": error}},
        "error": {"type": "error", **error},
        "raised": {"code": error["code"], "error": said},
    }
    async with LoopbackServer([Reply(frames=(frames[kind],))]) as server:
        with pytest.raises(cls) as caught:
            await ask(server)
    assert said[:20] in str(caught.value)


async def test_what_its_sentences_mean_at_a_gateway() -> None:
    """The same holds where a gateway speaks chat completions."""
    failed = Reply(frames=({"object": "error", "message": MONEY},))

    def gateway(request: Request) -> Said:
        return failed if request.protocol == "chat" else HttpError(status=404, message="Not Found")

    async with LoopbackServer(gateway) as server:
        backend = GrokBackend("grok-4.5", base_url=server.base_url, api_key=KEY)
        with pytest.raises(AuthError, match="used all available credits"):
            await collect(backend)
        await backend.aclose()


async def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """`XAI_BASE_URL` and `XAI_API_KEY` count; OpenAI's variables do not."""
    async with LoopbackServer([HELLO]) as server:
        monkeypatch.setenv("XAI_BASE_URL", f"{server.origin}/xai/v1")
        monkeypatch.setenv("XAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        backend = GrokBackend("grok-4.5")
        assert fold(await collect(backend)).text == "Hello."
        await backend.aclose()
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "org-other" not in str(headers)
