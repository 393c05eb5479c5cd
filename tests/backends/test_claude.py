"""Claude on the real SDK, against the strict wire server."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from massgraph import Agent, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import ContentChunk, StreamChunk
from massgraph.backends.claude import ClaudeBackend
from massgraph.backends.errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    IncompleteStreamError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
    UserError,
)
from massgraph.backends.fold import Turn, fold
from massgraph.backends.guard import forbid_real_requests

from ..wire import messages
from ..wire.brain import brain
from ..wire.server import HttpError, LoopbackServer, Reply, Request, Said, WireTurn, silence
from .contract import LONG, QUESTION, WEATHER, call, collect, first_words

KEY = "sk-ant-loopback-5f3a9c"
MODEL = "claude-opus-5-5"
SECRET = "sk-ant-ambient-77aa"
STRAY = b'event: x\ndata: {"type": "error", "error": {"type": "billing_error"}}\n\n'
SEARCH = (("rivers", (("https://a", "A"),)),)


@pytest.fixture(scope="module", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK before the first test that measures time."""
    import anthropic  # noqa: F401


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any of the variables that the SDK reads."""
    for name in ("API_KEY", "BASE_URL", "AUTH_TOKEN", "CUSTOM_HEADERS", "PROFILE"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)


def backend_on(server: LoopbackServer, model: str = MODEL, **options: Any) -> ClaudeBackend:
    """Return a backend of a server."""
    return ClaudeBackend(model, **{"base_url": server.origin, "api_key": KEY, **options})


async def ask(*said: Said, model: str = MODEL, **options: Any) -> tuple[Turn, LoopbackServer]:
    """Return the turn that a backend gets from a server that says this, and the server."""
    async with LoopbackServer(said) as server:
        backend = backend_on(server, model, **options)
        try:
            return fold(await collect(backend, WEATHER)), server
        finally:
            await backend.aclose()
            assert server.refused == []


async def failing(*said: Said, **options: Any) -> BackendError:
    """Return the error that a backend gets from a server that says this."""
    async with LoopbackServer(said) as server:
        backend = backend_on(server, **options)
        with pytest.raises(BackendError) as caught:
            await collect(backend)
        await backend.aclose()
    return caught.value


def paused(request: Request) -> bool:
    """Return whether a request lets a turn go on."""
    return cast("bool", request.body["messages"][-1]["role"] == "assistant")


def unmarked(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a request without their cache markers."""
    for message in body["messages"]:
        for block in message["content"]:
            block.pop("cache_control", None)
    return cast("list[dict[str, Any]]", body["messages"])


# --- a turn ------------------------------------------------------------------------------------


async def test_everything_at_once() -> None:
    """Thinking, searches, code, pages, citations and calls come through, and go back."""
    said = WireTurn(
        reasoning="Hm.",
        redacted=True,
        text="Rivers rise.",
        searches=SEARCH,
        code_runs=(("print(1)", "1"),),
        fetches=(("https://p", "page"),),
        citations=(("https://a", "A", "rise"),),
        calls=(("weather", {"city": "Ulm"}), ("weather", {})),
    )
    async with LoopbackServer([said, WireTurn(text="Done.")]) as server:
        backend = backend_on(
            server, enable_web_search=True, enable_web_fetch=True, enable_code_execution=True
        )
        turn = fold(await collect(backend, WEATHER))
        results = [backend.tool_result_message(one, "Rain.") for one in turn.tool_calls]
        asked: list[AnyMessage] = [*QUESTION, turn.message, *results]
        again = fold(await collect(backend, WEATHER, messages=asked))
        await backend.aclose()
    assert server.refused == []
    assert (turn.text, turn.reasoning, again.text) == ("Rivers rise.", "Hm.", "Done.")
    kinds = [result["type"] for result in turn.builtin_tool_results]
    assert kinds == ["web_search", "url_context", "code_execution", "citation"]
    first, second = (request.body for request in server.requests)
    assert unmarked(second)[: len(first["messages"])] == unmarked(first)
    types = [block["type"] for block in second["messages"][1]["content"]]
    assert types[:2] == ["thinking", "redacted_thinking"]
    assert types.count("server_tool_use") == 3


async def test_usage_and_its_price() -> None:
    """Tokens come with their cached and thinking parts, and with what they cost."""
    turn, _ = await ask(WireTurn(text="x", searches=SEARCH), enable_web_search=True)
    assert turn.usage is not None
    assert (turn.usage.input_tokens, turn.usage.output_tokens) == (12, 7)
    assert (turn.usage.cached_tokens, turn.usage.reasoning_tokens) == (4, 2)
    cost = (8 * 4 + 4 * 0.2 + 7 * 20) / 1e6 + 0.01
    assert turn.usage.estimated_cost == pytest.approx(cost)


async def test_an_unknown_model_has_no_price() -> None:
    """What is not known is not nothing."""
    turn, _ = await ask(WireTurn(text="x"), model="claude-opus-99")
    assert turn.usage is not None
    assert turn.usage.estimated_cost is None


async def test_a_paused_turn_goes_on() -> None:
    """Where the server pauses, the same request goes on with what was said, as one turn."""
    pause = WireTurn(reasoning="Hm.", text="I look. ", searches=SEARCH, finish="pause")
    turn, server = await ask(pause, pause, WireTurn(text="Found."), enable_web_search=True)
    assert turn.text == "I look. I look. Found."
    assert turn.finish_reason == "stop"
    assert turn.usage is not None
    assert (turn.usage.input_tokens, turn.usage.output_tokens) == (36, 21)
    bodies = [request.body for request in server.requests]
    for body in bodies[1:]:
        assert {**body, "messages": body["messages"][:-1]} == bodies[0]
    grown = [body["messages"][-1]["content"] for body in bodies[1:]]
    assert grown[1][: len(grown[0])] == grown[0]
    kept = turn.message.additional_kwargs["massgraph_echo"]["items"][0]["content"]
    assert kept[:-1] == grown[1]


async def test_a_turn_that_pauses_for_ever() -> None:
    """A server may pause only so often; the turn ends as one that was cut off."""
    pause = WireTurn(text="Wait. ", searches=SEARCH, finish="pause")
    turn, server = await ask(pause, enable_web_search=True)
    assert len(server.requests) == 9
    assert turn.finish_reason == "length"
    assert turn.message.additional_kwargs == {}


@pytest.mark.parametrize(
    ("model", "searches", "price"),
    [
        ("claude-opus-5-5", False, 2 * 4 + 0.05 / 12),
        ("claude-opus-5-5", True, 2 * 4),
        ("claude-haiku-4-5", True, 2 * 1 + 0.05 / 12),
    ],
)
async def test_code_goes_on_in_its_container(model: str, searches: bool, price: float) -> None:
    """The container of a paused answer is asked for again, and is paid for once.

    Beside a web search that runs code by itself, it costs nothing.
    """

    def frames(request: Request) -> Reply | WireTurn:
        begun = {"type": "message_start", "message": {"usage": {"input_tokens": 1_000_000}}}
        stop = {"stop_reason": "end_turn" if paused(request) else "pause_turn"}
        end = {"type": "message_delta", "delta": {**stop, "container": {"id": "c1"}}}
        used = {"type": "server_tool_use", "id": "s1", "name": "code_execution", "input": {}}
        block = {"type": "content_block_start", "index": 0, "content_block": used}
        shown = [] if paused(request) else [block]
        return Reply(frames=(begun, *shown, end, {"type": "message_stop"}), closing=())

    async with LoopbackServer(frames) as server:
        backend = backend_on(server, model, enable_code_execution=True, enable_web_search=searches)
        turn = fold(await collect(backend))
        await backend.aclose()
    assert [request.body.get("container") for request in server.requests] == [None, "c1"]
    assert turn.usage is not None
    assert turn.usage.estimated_cost == pytest.approx(price)


async def test_a_refusal() -> None:
    """A refusal is its explanation, and ends the turn as one."""
    turn, _ = await ask(WireTurn(refusal="I won't."))
    assert (turn.text, turn.finish_reason) == ("I won't.", "refusal")


async def test_one_request_after_another_begins_alike() -> None:
    """Two rounds of one agent differ behind the question alone, byte for byte."""
    async with (
        LoopbackServer(brain) as server,
        Team([Agent(name, backend_on(server)) for name in ("a", "b")]) as team,
    ):
        await team.arun("Why do rivers rise?")
    bodies = [request.body for request in server.requests if request.body.get("tools")]
    starts = {repr((body["system"], body["messages"][0]["content"][0])) for body in bodies}
    assert len(bodies) > 2
    assert len(starts) == 1


async def test_a_connection_is_used_again() -> None:
    """An answer that is read to its end leaves its connection to the next one."""
    async with LoopbackServer([WireTurn(text="x")]) as server:
        backend = backend_on(server)
        for _ in range(3):
            await collect(backend)
        await backend.aclose()
    assert server.connections_made == 1


async def test_the_sdk_does_not_retry() -> None:
    """A failed request is sent again by the policy of all backends alone."""
    backend = ClaudeBackend(MODEL, base_url="http://127.0.0.1:9", api_key=KEY)
    assert (await backend._client()).max_retries == 0
    await backend.aclose()


async def test_a_server_that_does_not_hang_up() -> None:
    """A message that has ended is whole, whether its stream ends or not."""
    said = WireTurn(text="x", end="stall")
    stop = (
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )
    async with LoopbackServer(lambda request: stalling(said, stop, request)) as server:
        backend = backend_on(server)
        assert fold(await collect(backend)).text == "x"
        await server.disconnected(timeout=2)
        await backend.aclose()


def stalling(said: WireTurn, stop: tuple[Any, ...], request: Request) -> Reply:
    """Return a reply that says its end, and then nothing more."""
    reply = messages.encode(said, request)
    return replace(reply, frames=(*reply.frames, *stop))


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "cls", "words"),
    [
        (HttpError(status=401), AuthError, "does not accept the key in api_key"),
        (HttpError(status=403), AuthError, "does not accept the key"),
        (HttpError(status=429, retry_after=3), RateLimitError, "Too many requests"),
        (HttpError(status=404, message="model: m9"), BadRequestError, "has no model .*model: m9"),
        (HttpError(status=413), BadRequestError, "does not accept the request"),
        (HttpError(status=529), OverloadedError, "cannot serve"),
        (HttpError(status=500), OverloadedError, "cannot serve"),
        (
            WireTurn(text=LONG, error="overloaded", after=4),
            OverloadedError,
            "cannot serve.*went wrong",
        ),
        (WireTurn(text=LONG, error="rate_limit", after=4), RateLimitError, "Too many requests"),
        (WireTurn(text=LONG, error="bad_request", after=4), BadRequestError, "It went wrong"),
        (WireTurn(text=LONG, end="eof", after=4), IncompleteStreamError, "before the answer"),
        (WireTurn(text=LONG, end="drop", after=4), BackendConnectionError, "cut the connection"),
        (WireTurn(end="eof", after=0), IncompleteStreamError, "before the answer"),
        (Reply(frames=(b'data: {"type": "message_start"}\n\n',)), IncompleteStreamError, "ended"),
        (Reply(frames=(b"event: message_start\ndata: {oops\n\n",)), MalformedResponseError, "JSON"),
        (Reply(frames=(b"event: message_start\ndata: 3\n\n",)), MalformedResponseError, "object"),
        (Reply(body=b'{"ok": true}'), BadRequestError, "Is base_url right"),
        (Reply(frames=(STRAY,)), AuthError, "in the middle"),
        (Reply(status=404, body=b"<html>"), BadRequestError, "has no model 'claude-opus-5-5'"),
    ],
)
async def test_failures(said: Said, cls: type[BackendError], words: str) -> None:
    """Each way to fail is the right error, in words, with the wait that the server asks for."""
    error = await failing(said)
    assert type(error) is cls
    assert re.search(words, str(error))
    assert KEY not in repr(error) + str(error) + repr(error.__cause__)
    assert error.retry_after == getattr(said, "retry_after", None)


async def test_nobody_there() -> None:
    """A server that is not there is named, and whether it runs is asked."""
    async with LoopbackServer([]) as server:
        pass
    backend = backend_on(server)
    with pytest.raises(BackendConnectionError, match="Is it running"):
        await collect(backend)
    await backend.aclose()


async def test_a_silent_server() -> None:
    """A server that says nothing for too long is left."""
    error = await failing(silence(), idle_timeout_s=0.05)
    assert isinstance(error, BackendTimeoutError)


async def test_what_the_api_would_refuse_is_an_error() -> None:
    """A request that the API does not take is a bad request with the API's own words."""
    error = await failing(WireTurn(text="x"), extra_body={"speeed": "fast"})
    assert isinstance(error, BadRequestError)
    assert "Extra inputs are not permitted" in str(error)


# --- cancellation ------------------------------------------------------------------------------


AT_ONCE_S = 0.2
TRIES = 3
"""The best of these counts: other programs run beside this one."""


def babble(request: Request) -> Reply:
    """Return an answer that goes on for ever."""
    begun = {"type": "message_start", "message": {}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    delta = {"type": "text_delta", "text": "and "}
    piece = {"type": "content_block_delta", "index": 0, "delta": delta}
    return Reply(frames=(begun, block, *([piece, 0.002] * 5000)), end="stall")


@pytest.mark.parametrize("how", ["aclose", "cancel", "break"])
@pytest.mark.parametrize("loud", [True, False])
async def test_the_server_sees_at_once_that_nobody_listens(how: str, loud: bool) -> None:
    """Whether the server talks or is silent, leaving the stream closes its connection at once."""
    quiet = WireTurn(text=LONG, end="stall")
    async with LoopbackServer(babble if loud else [quiet]) as server:
        backend = backend_on(server)
        await backend.prepare()
        took: list[float] = []
        for _ in range(TRIES):
            began = await leave(backend, how)
            took.append(await server.disconnected(timeout=2) - began)
            if took[-1] < AT_ONCE_S:
                break
        assert min(took) < AT_ONCE_S
        await backend.aclose()


async def leave(backend: ClaudeBackend, how: str) -> float:
    """Leave a stream in the middle, and return when."""
    if how == "cancel":
        talking = asyncio.Event()
        task = asyncio.create_task(listen(backend, talking))
        await talking.wait()
        began = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return began
    stream = call(backend)
    await first_words(stream)
    began = time.perf_counter()
    if how == "break":
        await broken_off(stream)
    else:
        await stream.aclose()
    return began


async def listen(backend: ClaudeBackend, talking: asyncio.Event) -> None:
    """Read until cancelled."""
    async for chunk in backend.stream_with_tools(QUESTION, ()):
        if isinstance(chunk, ContentChunk):
            talking.set()


async def broken_off(stream: AsyncGenerator[StreamChunk]) -> None:
    """Leave the loop over a stream, and close it as its owner does."""
    async with aclosing(stream):
        async for _ in stream:
            break


# --- what is sent to whom ----------------------------------------------------------------------


async def test_the_key_is_sent_as_a_bearer() -> None:
    """The key, the version and further headers are sent; a header of ours wins."""
    _, server = await ask(WireTurn(text="x"), extra_headers={"X-Team": "a", "User-Agent": "me"})
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (headers["x-team"], headers["user-agent"]) == ("a", "me")
    assert headers["anthropic-version"] == "2026-10-21"
    assert "x-api-key" not in headers


async def test_another_server_gets_the_key_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that a person names gets the key; what else lies in the variables stays here."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", SECRET)
    monkeypatch.setenv("ANTHROPIC_PROFILE", "none")
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN", SECRET)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Team: {SECRET}\nAuthorization: {SECRET}")
    async with LoopbackServer([WireTurn(text="x")]) as server:
        backend = ClaudeBackend(MODEL, base_url=server.origin)
        assert fold(await collect(backend)).text == "x"
        await backend.aclose()
    assert SECRET not in str(server.requests[0].headers)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ANTHROPIC_BASE_URL` is where requests go by themselves, with the key beside it."""
    async with LoopbackServer([WireTurn(text="x")]) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{server.origin}/v1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        backend = ClaudeBackend(MODEL)
        assert fold(await collect(backend)).text == "x"
        await backend.aclose()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_real_requests_can_be_forbidden() -> None:
    """Where real requests are forbidden, Anthropic is not asked."""
    backend = ClaudeBackend(MODEL, api_key=KEY)
    with forbid_real_requests(), pytest.raises(UserError, match="anthropic"):
        await collect(backend)


def test_the_sdk_is_imported_late() -> None:
    """A backend is built, and its options are known, without the SDK and without LangChain."""
    program = (
        "import sys; from massgraph.backends.registry import build_backend;"
        f"build_backend('claude:{MODEL}', api_key='k', enable_web_search=True);"
        "sys.exit(bool({'anthropic', 'httpx2', 'langchain_core'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=False, timeout=50)
    assert ran.returncode == 0


async def test_the_loop_is_not_held_up() -> None:
    """Once prepared, the first call does not keep the event loop from its other work."""
    async with LoopbackServer([WireTurn(text="x")]) as server:
        backend = backend_on(server)
        await backend.prepare()
        ticks, ticking = [time.thread_time()], True  # of this thread: other programs run, too

        async def tick() -> None:
            while ticking:
                await asyncio.sleep(0)
                ticks.append(time.thread_time())

        beside = asyncio.create_task(tick())
        await collect(backend, WEATHER)
        ticking = False
        await beside
        await backend.aclose()
    gap = max(later - earlier for earlier, later in pairwise(ticks))
    assert gap < 0.25  # a few ms; the SDK's own types alone would take longer


# --- a team ------------------------------------------------------------------------------------


async def test_a_team_settles() -> None:
    """A team of Claude agents searches, answers, votes and presents; its cost is known."""
    async with LoopbackServer(brain) as server:
        agents = [
            Agent("opus", backend_on(server, enable_web_search=True)),
            Agent("haiku", backend_on(server, "claude-haiku-4-5", thinking_budget=2048)),
            Agent("sonnet", backend_on(server, "claude-sonnet-5-5", reasoning_effort="low")),
        ]
        async with Team(agents) as team:
            result = await team.arun("Why do rivers rise?")
    assert server.refused == []
    assert result.outcome == "settled"
    assert "rivers rise" in str(result.answer)
    assert all(used.cost_usd for used in result.usage.values())


async def test_tools_of_a_system_without_messages() -> None:
    """A call without a system message and without tools is plain."""
    async with LoopbackServer([WireTurn(text="x")]) as server:
        backend = backend_on(server)
        chunks = await collect(backend, messages=[HumanMessage("q")])
        await collect(backend, ToolSchema("f"), messages=[SystemMessage("s"), HumanMessage("q")])
        await backend.aclose()
    assert fold(chunks).text == "x"
    assert "system" not in server.requests[0].body
    assert "tools" not in server.requests[0].body
