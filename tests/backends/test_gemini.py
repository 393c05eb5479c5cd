"""Gemini: the client, its connections, what it is given, and what it refuses to be given."""

from __future__ import annotations

import asyncio
import gc
import time
import traceback
from typing import Any

import httpx2
import pytest
from google.genai import _api_client

from massgraph.backends.chunks import ContentChunk, StreamChunk
from massgraph.backends.endpoint import Endpoint
from massgraph.backends.errors import BackendError, BadRequestError, UserError
from massgraph.backends.gemini import GeminiBackend
from massgraph.backends.gemini.client import open_gemini
from massgraph.backends.transport import Timeouts, tls

from ..wire.reply import Reply
from ..wire.server import HttpError, LoopbackServer, WireTurn, silence
from .contract import call, collect, first_words
from .gemini_calls import HI, KEY, ask, open_backend, warm_up

LOCAL = "http://127.0.0.1:9"
AMBIENT = {
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GENAI_USE_ENTERPRISE": "true",
    "GOOGLE_GENAI_API_VERSION": "v9",
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "us",
    "GEMINI_API_KEY": "another-key",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1/elsewhere",
}
TALK = WireTurn(text="A long answer. " * 40, end="stall")


@pytest.fixture(scope="module", autouse=True)
def sdk_is_imported() -> None:
    """Import the SDK, and build its types, before the first test that measures time."""
    warm_up()


async def collect_garbage() -> None:
    """Free what is in circles, and let the loop close the generators among it."""
    gc.collect()
    for _ in range(20):
        await asyncio.sleep(0)


# --- the client --------------------------------------------------------------------------------


async def test_the_endpoint_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the environment change neither the server, nor the key, nor the API."""
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    with LoopbackServer([WireTurn(text="ok")]) as server:
        await ask(open_backend(server, extra_headers={"X-Goog-User-Project": "p1"}))
    request = server.requests[0]
    assert request.path == "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert request.headers["x-goog-api-key"] == KEY
    assert request.headers["x-goog-user-project"] == "p1"
    assert KEY not in request.path
    assert "authorization" not in request.headers


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google gets GOOGLE_API_KEY, else GEMINI_API_KEY."""
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "second-key")
    assert GeminiBackend("gemini-3.8-flash")._at.key == "second-key"
    monkeypatch.setenv("GOOGLE_API_KEY", "first-key")
    assert GeminiBackend("gemini-3.8-flash")._at.key == "first-key"


async def test_another_server_gets_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that the variable of the SDK names gets the key of the environment."""
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    with LoopbackServer([WireTurn(text="ok")]) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"{server.origin}/")
        await ask(GeminiBackend("gemini-3.8-flash"))
    assert server.requests[0].headers["x-goog-api-key"] == KEY


async def test_the_version_of_the_api() -> None:
    """It is `api_version`, else what stands at the end of `base_url`, else v1beta."""
    with LoopbackServer([WireTurn(text="ok")]) as server:
        await ask(open_backend(server, api_version="v1"))
        await ask(open_backend(server, base_url=f"{server.origin}/v1/"))
        await ask(open_backend(server, base_url=f"{server.origin}/v1", api_version="v1beta"))
        await ask(open_backend(server))
    versions = [request.path.split("/")[1] for request in server.requests]
    assert versions == ["v1", "v1", "v1beta", "v1beta"]


async def test_aiohttp_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own connections are used, also where the SDK would rather use aiohttp."""
    monkeypatch.setattr(_api_client, "has_aiohttp", True)
    with LoopbackServer([WireTurn(text="ok")]) as server:
        assert (await ask(open_backend(server))).text == "ok"
        assert server.connections_made == 1


async def test_timeouts_reach_the_connection() -> None:
    """The SDK has no timeouts of its own: ours hold for each request."""
    at = Endpoint(LOCAL, KEY)
    client = open_gemini(at, Timeouts(3, 7), "v1beta")
    seen: list[Any] = []

    async def look(request: httpx2.Request) -> None:
        seen.append(request.extensions["timeout"])

    client.http.event_hooks["request"].append(look)
    with pytest.raises(httpx2.ConnectError):
        async for _ in client.frames("m", {}):
            pass
    await client.close()
    assert seen == [{"connect": 3, "read": 7, "write": 7, "pool": 7}]


async def test_the_sdk_does_not_retry() -> None:
    """A failed request is sent again by the policy of all backends alone."""
    client = open_gemini(Endpoint(LOCAL, KEY), Timeouts(), "v1beta")
    assert client.sdk._api_client._async_retry.stop.max_attempt_number == 1  # type: ignore[union-attr]
    await client.close()


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would read them again for each client: 100 ms, for connections that nobody makes."""
    tls()

    def read(*_: object, **__: object) -> None:
        pytest.fail("they are read again")

    monkeypatch.setattr("ssl.create_default_context", read)
    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", read)
    open_gemini(Endpoint(LOCAL, KEY), Timeouts(), "v1beta")


async def test_a_silent_server_times_out() -> None:
    """A server that says nothing is left after the idle timeout, within a stream, too."""
    with LoopbackServer([silence(), TALK]) as server:
        for _ in range(2):
            backend = open_backend(server, idle_timeout_s=0.1)
            with pytest.raises(BackendError) as caught:
                await ask(backend)
            await backend.aclose()
            assert caught.value.kind == "timeout"


async def test_a_redirect_is_not_followed() -> None:
    """The key is not carried to another host: a redirect is an error that says so."""
    with LoopbackServer([WireTurn(text="gotcha")]) as other:
        moved = Reply(status=307, headers={"Location": f"{other.origin}/x"}, body=b"")
        with LoopbackServer([moved]) as server:
            backend = open_backend(server)
            with pytest.raises(BadRequestError, match="307"):
                await ask(backend)
            await backend.aclose()
        assert other.requests == []


async def test_both_clients_are_closed() -> None:
    """Closing closes the SDK's client and the connections below it."""
    with LoopbackServer([WireTurn(text="ok")]) as server:
        backend = open_backend(server)
        client = await backend._client()
        await collect(backend)
        assert server.connections == 1
        await backend.aclose()
        await server.idle()
        assert client.http.is_closed
        assert client.sdk._api_client._httpx_client.is_closed


# --- early stop --------------------------------------------------------------------------------


async def test_breaking_off_closes_the_connection() -> None:
    """`break` reaches the socket, too, as soon as nobody holds the stream any more."""
    with LoopbackServer([TALK]) as server:
        backend = open_backend(server)
        async for chunk in backend.stream_with_tools(HI, ()):
            if isinstance(chunk, ContentChunk):
                break
        await server.disconnected(timeout=2)  # and it would be silent for ten minutes
        await backend.aclose()


async def test_stopping_is_a_matter_of_milliseconds() -> None:
    """Closing the stream in the middle of a silence ends the connection and every task."""
    tasks = asyncio.all_tasks()
    with LoopbackServer([TALK]) as server:
        backend = open_backend(server)
        took: list[float] = []
        for _ in range(5):
            stream = call(backend)
            await first_words(stream)
            began = time.perf_counter()
            await stream.aclose()
            took.append(await server.disconnected(timeout=3) - began)
            assert asyncio.all_tasks() == tasks
        await backend.aclose()
    assert min(took) < 0.05


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (b'data: {"candidates": [{"content": {"parts": [{"text": 5}]}}]}\n\n', "malformed"),
        (b"data: {no json\n\n", "malformed"),
        (b"data: 5\n\n", "malformed"),
        (b'data: {"candidates": 5}\n\n', "malformed"),
        (b'data: {"error": {}}\n\n', "malformed"),
        (b'data: {"error": {"code": "x"}}\n\n', "malformed"),
        (b'data: {"error": {"code": 503, "message": "busy"}}\n\n', "overloaded"),
        (b'data: {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}\n\n', "rate_limit"),
        (b'data: {"error": {"code": 400, "status": "INVALID_ARGUMENT"}}\n\n', "bad_request"),
        (b'data: {"error": {"code": 13, "message": "internal"}}\n\n', "overloaded"),
        (b'data: {"promptFeedback": {"blockReason": "SAFETY"}}\n\n', "refused"),
    ],
)
async def test_a_frame_that_ends_the_call(
    frame: bytes, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Such a frame ends the call at once, and the connection, however much would follow."""
    with LoopbackServer([Reply(frames=(frame,), end="stall")]) as server:
        backend = open_backend(server)
        tasks = asyncio.all_tasks()
        with pytest.raises(BackendError) as caught:
            await collect(backend)
        await server.disconnected(timeout=3)
        assert asyncio.all_tasks() == tasks
    assert caught.value.kind == kind
    await backend.aclose()
    await collect_garbage()
    assert [record.getMessage() for record in caplog.records] == []


async def test_nothing_is_left_to_the_garbage_collector() -> None:
    """Neither a task nor a connection waits for it."""
    gc.disable()
    try:
        with LoopbackServer([TALK]) as server:
            backend = open_backend(server)
            stream = call(backend)
            await first_words(stream)
            await stream.aclose()
            await server.disconnected(timeout=3)
            await backend.aclose()
            await server.idle()
    finally:
        gc.enable()


async def test_parallel_calls_are_parallel() -> None:
    """Three calls of a slow server take as long as one, and the loop turns meanwhile."""
    with LoopbackServer([WireTurn(text="ok", delay_s=1.0)]) as server:
        backend = open_backend(server)
        await backend.prepare()
        turns = 0

        async def turn_over() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.005)
                turns += 1

        turning = asyncio.create_task(turn_over())
        await asyncio.gather(*(collect(backend) for _ in range(3)))
        turning.cancel()
        await backend.aclose()
    came = [request.came_at for request in server.requests]
    assert max(came) - min(came) < 1.0, "one waited for the other"
    assert turns > 10


async def test_the_first_call_does_not_hold_up_the_loop() -> None:
    """After `prepare`, no step of a call takes long: the SDK's types are built."""
    full = WireTurn(
        text="Ulm is wet.",
        reasoning="Hm.",
        calls=(("pick", {"fruit": "fig"}),),
        searches=(("q", (("https://a.example", "A"),)),),
        citations=(("https://a.example", "A", "wet"),),
        code_runs=(("1", "1"),),
        fetches=(("https://a.example", "x"),),
    )
    with LoopbackServer([full]) as server:
        backend = open_backend(server, enable_web_search=True)
        await backend.prepare()
        worst = [0.0]

        async def watch() -> None:
            while True:
                began = time.thread_time()
                await asyncio.sleep(0)
                worst[0] = max(worst[0], time.thread_time() - began)

        watching = asyncio.create_task(watch())
        await collect(backend)
        watching.cancel()
        await backend.aclose()
    assert worst[0] < 0.05


# --- what it is given --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "option", "named"),
    [
        ("gemini-2.0-flash", "enable_url_context", "enable_web_search, enable_code_execution"),
        ("gemini-3-pro-image", "enable_code_execution", "enable_web_search"),
        ("gemini-3-pro-image", "enable_code_interpreter", "enable_web_search"),
        ("gemma-4-31b-it", "enable_web_search", "no builtin tools"),
    ],
)
def test_a_builtin_tool_that_the_model_lacks(model: str, option: str, named: str) -> None:
    """It is refused at once, with the model, the setting, and what would do."""
    with pytest.raises(UserError, match=f"gemini:{model}: enable_.*has no .*{named}"):
        GeminiBackend(model, base_url=LOCAL, api_key="k", **{option: True})


@pytest.mark.parametrize(
    ("model", "options", "unsent"),
    [
        ("gemini-3.8-flash", {"temperature": 0.2}, ["temperature"]),
        ("gemini-3.8-flash", {"reasoning_effort": "minimal"}, ["reasoning_effort"]),
        ("gemini-3.8-flash", {"extra_body": {"top_p": 0.3, "seed": 1}}, ["top_p"]),
        ("gemini-3.8-flash", {"reasoning_effort": "low", "max_tokens": 5}, []),
        ("gemini-3.1-pro-preview", {"temperature": 0.2, "reasoning_effort": "medium"}, []),
        ("gemini-3-pro-preview", {"reasoning_effort": "medium"}, ["reasoning_effort"]),
        ("gemini-3.5-flash-lite", {"temperature": 0.2}, ["temperature"]),
        ("gemini-2.5-pro", {"reasoning_effort": "none"}, ["reasoning_effort"]),
        ("gemini-2.5-flash", {"reasoning_effort": "none", "temperature": 1}, []),
        ("gemini-2.0-flash", {"reasoning_effort": "low"}, ["reasoning_effort"]),
        ("gemini-4-argon", {"temperature": 0.2, "reasoning_effort": "high"}, ["temperature"]),
    ],
)
def test_what_a_model_does_not_take(
    model: str, options: dict[str, Any], unsent: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, with the reason, and not sent."""
    backend = GeminiBackend(model, base_url=LOCAL, api_key="k", **options)
    assert list(backend.unsent) == unsent
    assert [record.getMessage() for record in caplog.records] == list(backend.unsent.values())
    assert all(model in why for why in backend.unsent.values())


def test_a_key_of_another_provider() -> None:
    """Google's own host is not sent a key that is plainly OpenAI's."""
    with pytest.raises(UserError, match="OpenAI") as caught:
        GeminiBackend("gemini-3.8-flash", api_key="sk-abc-0123456789")
    assert "sk-abc" not in str(caught.value)


def test_a_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, the message says what to set."""
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    with pytest.raises(UserError, match="GOOGLE_API_KEY or GEMINI_API_KEY"):
        GeminiBackend("gemini-3.8-flash")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://x", "http://", "a b"])
def test_a_url_that_is_none(url: str) -> None:
    """What is no http(s) URL is refused at once."""
    with pytest.raises(UserError, match="base_url"):
        GeminiBackend("gemini-3.8-flash", base_url=url, api_key="k")


async def test_no_secret_is_shown() -> None:
    """Neither the key nor a header appears in a repr, or in an error that repeats it."""
    with LoopbackServer([HttpError(status=400, message=f"The key {KEY} is bad.")]) as server:
        backend = open_backend(server, extra_headers={"X-Other": "hunter22"})
        with pytest.raises(BadRequestError) as caught:
            await ask(backend)
        await backend.aclose()
    texts = [repr(backend), str(vars(backend)), str(caught.value), repr(caught.value.__cause__)]
    assert not any(secret in text for text in texts for secret in (KEY, "hunter22"))


@pytest.mark.parametrize(
    "frame",
    [
        f'data: {{"oops": "{KEY}\n\n',
        f'data: {{"candidates": [{{"content": {{"parts": [{{"text": ["{KEY}"]}}]}}}}]}}\n\n',
        f'data: {{"candidates": "{KEY}"}}\n\n',
        f'data: {{"error": {{"code": "{KEY}"}}}}\n\n',
        f"<p>{KEY}</p>",
        f'data: "{KEY}"\n\n',
    ],
)
async def test_no_secret_in_a_traceback(frame: str) -> None:
    """A server that repeats the key puts it nowhere, however it breaks the protocol."""
    with LoopbackServer([Reply(frames=(frame.encode(),), end="eof")]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError) as caught:
            await ask(backend)
    assert caught.value.kind == "malformed"
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("said", [b"", b"{}", b'{"object": "list"}'])
async def test_an_answer_of_another_kind(said: bytes) -> None:
    """What is no stream is named, with the question to ask."""
    reply = Reply(body=said, headers={"Content-Type": "application/json"})
    with LoopbackServer([reply]) as server, pytest.raises(BackendError) as caught:
        await ask(open_backend(server))
    assert "with application/json, not with a stream. Is base_url right?" in str(caught.value)
    assert caught.value.kind == "bad_request"


async def test_an_answer_that_is_no_stream() -> None:
    """A server in between may send a whole answer at once."""
    answer = b'{"candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": "STOP"}]}'
    with LoopbackServer(
        [Reply(body=answer, headers={"Content-Type": "application/json"})]
    ) as server:
        assert (await ask(open_backend(server))).text == "ok"


async def test_each_chunk_is_a_chunk() -> None:
    """What the server sends comes out as it comes in, piece by piece."""
    with LoopbackServer([WireTurn(text="0123456789" * 4, piece=10)]) as server:
        backend = open_backend(server)
        chunks: list[StreamChunk] = await collect(backend)
        await backend.aclose()
    assert [chunk.content for chunk in chunks if isinstance(chunk, ContentChunk)] == [
        "0123456789"
    ] * 4
