"""What becomes of the faults of an OpenAI-compatible server, and how fast a call is left."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest

from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.chunks import ContentChunk, StreamChunk
from massgraph.backends.errors import (
    AuthError,
    BackendConnectionError,
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    IncompleteStreamError,
    InternalBackendError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
    RefusedError,
)
from massgraph.backends.fold import fold

from .contract import LONG, call, collect, collect_failing, first_words, listen
from .loopback import LoopbackServer, Reply, answer, delta, http_error, silence, stream, text

KEY = "sk-loopback-5f3a9c"


async def failure(
    reply: Reply, *, key: str | None = KEY, idle_timeout_s: float = 5.0
) -> tuple[str, BackendError]:
    """Return the text that came before the error, and the error."""
    async with LoopbackServer([reply]) as server:
        backend = ChatCompletionsBackend(
            "m", base_url=server.base_url, api_key=key, idle_timeout_s=idle_timeout_s
        )
        chunks, error = await collect_failing(backend)
        await backend.aclose()
        assert len(server.requests) == 1, "the adapter itself does not retry"
    return "".join(chunk.content for chunk in chunks if isinstance(chunk, ContentChunk)), error


# --- before the first chunk --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cls", "said"),
    [
        (400, BadRequestError, "does not accept the request (HTTP 400): No."),
        (401, AuthError, "does not accept the key in api_key (HTTP 401): No."),
        (402, AuthError, "may not do this (HTTP 402): No."),
        (403, AuthError, "does not accept the key in api_key (HTTP 403): No."),
        (404, BadRequestError, "has no model 'm', or base_url is wrong (HTTP 404): No."),
        (408, BackendTimeoutError, "was silent for too long (HTTP 408): No."),
        (409, OverloadedError, "cannot serve the request at present (HTTP 409): No."),
        (413, BadRequestError, "does not accept the request (HTTP 413): No."),
        (418, BadRequestError, "does not accept the request (HTTP 418): No."),
        (422, BadRequestError, "does not accept the request (HTTP 422): No."),
        (429, RateLimitError, "Too many requests for http://127.0.0.1:"),
        (500, OverloadedError, "cannot serve the request at present (HTTP 500): No."),
        (503, OverloadedError, "cannot serve the request at present (HTTP 503): No."),
        (529, OverloadedError, "cannot serve the request at present (HTTP 529): No."),
    ],
)
async def test_statuses(status: int, cls: type[BackendError], said: str) -> None:
    """Each status becomes an error of its kind, with a line that says what to look at."""
    text, error = await failure(http_error(status, "No."))
    assert not text
    assert type(error) is cls
    assert error.status == status
    assert said in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "cls"),
    [
        (429, "insufficient_quota", AuthError),
        (429, "rate_limit_exceeded", RateLimitError),
        (400, "content_filter", RefusedError),
        (400, "context_length_exceeded", BadRequestError),
    ],
)
async def test_codes_that_say_more_than_the_status(
    status: int, code: str, cls: type[BackendError]
) -> None:
    """A used-up quota is not worth a retry, and a content filter is a refusal."""
    _, error = await failure(http_error(status, code=code))
    assert type(error) is cls


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "2"}, 2, 2),
        ({"retry-after": "0.25"}, 0.25, 0.25),
        ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5, 1.5),
    ],
)
async def test_retry_after(headers: dict[str, str], least: float, most: float) -> None:
    """The wait that the server asks for is read, as seconds or as milliseconds."""
    _, error = await failure(http_error(429, headers=headers))
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize(("ahead_s", "least", "most"), [(300, 200, 300), (-300, 0, 0)])
async def test_retry_after_a_date(ahead_s: float, least: float, most: float) -> None:
    """The wait may be told as a date, too, and one that has passed is none."""
    date = formatdate(time.time() + ahead_s, usegmt=True)
    _, error = await failure(http_error(429, headers={"Retry-After": date}))
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", ""])
async def test_retry_after_that_is_none(value: str) -> None:
    """A wait that is no number of seconds counts as none."""
    _, error = await failure(http_error(503, headers={"Retry-After": value}))
    assert error.retry_after is None


async def test_a_server_that_wants_a_key() -> None:
    """Without a key, a 401 says that one is wanted."""
    _, error = await failure(http_error(401), key=None)
    assert "wants a key (api_key or api_key_env)" in str(error)


async def test_nobody_answers() -> None:
    """A port where nobody listens is named, with the question to ask."""
    backend = ChatCompletionsBackend("m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(BackendConnectionError) as caught:
        await collect(backend)
    assert str(caught.value) == "No server answers at http://127.0.0.1:9/v1. Is it running?"
    await backend.aclose()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(body=b"<html>Welcome</html>", headers={"Content-Type": "text/html"})),
        pytest.param(Reply(body=json.dumps({"choices": []}).encode())),
    ],
)
async def test_an_answer_that_is_no_stream(reply: Reply) -> None:
    """A page or a plain answer in place of a stream asks about the base_url."""
    _, error = await failure(reply)
    assert type(error) is BadRequestError
    assert "not with a stream. Is base_url right?" in str(error)


async def test_what_cannot_be_sent() -> None:
    """A parameter that is no JSON is our caller's fault, and comes as an error of ours."""
    async with LoopbackServer([text("x")]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        with pytest.raises(InternalBackendError, match="TypeError"):
            async for _ in backend.stream_with_tools([], (), seed=object()):
                pass
        await backend.aclose()
        assert server.requests == []


# --- after the first chunk ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "cls"),
    [
        ({"message": "No.", "type": "server_error", "code": None}, OverloadedError),
        ({"message": "No.", "type": "whatever"}, OverloadedError),
        ({"message": "No.", "code": "rate_limit_exceeded"}, RateLimitError),
        ({"message": "No.", "type": "requests", "code": None}, RateLimitError),
        ({"message": "No.", "code": "insufficient_quota", "type": "requests"}, AuthError),
        ({"message": "No.", "code": 429}, RateLimitError),
        ({"message": "No.", "code": "400"}, BadRequestError),
        ({"message": "No.", "code": "content_filter"}, RefusedError),
        ({"message": "No.", "type": "invalid_request_error"}, BadRequestError),
        ("No.", OverloadedError),
    ],
)
async def test_an_error_frame(said: object, cls: type[BackendError]) -> None:
    """An error in the middle of a stream is of the kind that its code or type says."""
    text, error = await failure(answer("Hello, you.").cut("done", {"error": said}))
    assert text == "Hello, y"
    assert type(error) is cls
    assert "No." in str(error)


async def test_an_error_object() -> None:
    """An error that is itself the frame is one, too."""
    frame = {"object": "error", "message": "Too long.", "type": "BadRequestError", "code": 400}
    text, error = await failure(answer("Hello, you.").cut("done", frame))
    assert text == "Hello, y"
    assert type(error) is BadRequestError
    assert "Too long." in str(error)


@pytest.mark.parametrize("end", ["done", "eof"])
async def test_a_stream_without_its_marker(end: str) -> None:
    """A stream that ends without a finish reason is no short success, whatever ended it."""
    text, error = await failure(answer("Hello, you.").cut(end))  # type: ignore[arg-type]
    assert text == "Hello, y"
    assert type(error) is IncompleteStreamError


async def test_a_stream_with_nothing_in_it() -> None:
    """A stream that ends before its first frame is incomplete as well."""
    _, error = await failure(stream(end="eof"))
    assert type(error) is IncompleteStreamError


async def test_a_finish_reason_is_marker_enough() -> None:
    """Servers that leave out [DONE] are complete once they have said why they stopped."""
    async with LoopbackServer([stream(delta("stop", content="x"), end="eof")]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        assert fold(await collect(backend)).text == "x"
        await backend.aclose()


async def test_a_cut_connection() -> None:
    """A connection that is cut in the middle is an error, after all that was said."""
    text, error = await failure(answer("Hello, you.").cut("drop"))
    assert text == "Hello, y"
    assert type(error) is BackendConnectionError
    assert "cut the connection" in str(error)


@pytest.mark.parametrize(
    "frame",
    [
        b"data: {oops\n\n",
        b"data: \xff\xfe\n\n",
        b"data: []\n\n",
        b"data: null\n\n",
        b'data: "text"\n\n',
        b'data: {"choices": "none"}\n\n',
        b'data: {"choices": [{"delta": {"content": 7}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [{"index": "one"}]}}]}\n\n',
    ],
)
async def test_a_frame_that_is_none(frame: bytes) -> None:
    """A frame that is no JSON, or of the wrong shape, is malformed, and is not repeated."""
    text, error = await failure(answer("Hello, you.").cut("done", frame))
    assert text == "Hello, y"
    assert type(error) is MalformedResponseError
    assert "oops" not in str(error)


async def test_malformed_arguments() -> None:
    """Arguments that are no JSON pass through the adapter, and fail in the fold."""
    async with LoopbackServer([answer(calls=[("f", '{"x": ')])]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        chunks = await collect(backend)
        await backend.aclose()
    with pytest.raises(MalformedResponseError, match="'f' are not valid JSON"):
        fold(chunks)


async def test_a_stall() -> None:
    """A server that falls silent is left after the idle timeout."""
    text, error = await failure(answer("Hello, you.").cut("stall"), idle_timeout_s=0.1)
    assert text == "Hello, y"
    assert type(error) is BackendTimeoutError
    assert "was silent for too long" in str(error)


async def test_silence_from_the_start() -> None:
    """A server that never begins to answer is left after the idle timeout."""
    _, error = await failure(silence(), idle_timeout_s=0.1)
    assert type(error) is BackendTimeoutError


async def test_usage_of_a_failed_call_counts() -> None:
    """Tokens that the server reported before it failed have been used."""
    frame = {**delta(content="x"), "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    async with LoopbackServer([stream(frame, end="drop")]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        await collect_failing(backend)
        await backend.aclose()
    assert backend.token_usage.output_tokens == 4


# --- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(http_error(401, f"Incorrect API key provided: {KEY}."), id="status"),
        pytest.param(Reply(status=500, body=f"<p>Bearer {KEY}</p>".encode()), id="page"),
        pytest.param(stream({"error": {"message": f"Key {KEY} is bad"}}), id="frame"),
        pytest.param(stream({"object": "error", "message": f"Key {KEY}"}), id="object"),
        pytest.param(stream({"choices": [{"delta": {"content": [KEY]}}]}), id="shape"),
        pytest.param(stream(b"data: " + KEY.encode() + b"\n\n"), id="malformed"),
    ],
)
async def test_an_echoed_key_is_struck_out(reply: Reply) -> None:
    """A key that the server repeats is in no message, nor in anything that a traceback shows."""
    _, error = await failure(reply)
    link: BaseException | None = error
    while link is not None:
        assert KEY not in str(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


# --- leaving a call ----------------------------------------------------------------------------

ATTEMPTS = 3
"""A machine may be busy: the fastest attempt counts."""


@pytest.fixture
async def talking() -> AsyncIterator[tuple[LoopbackServer, ChatCompletionsBackend]]:
    """Return a server that begins to talk and then is silent, and a warm backend for it."""
    reply = answer(LONG).cut("stall", after=5)
    async with LoopbackServer([text("warm"), reply]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        await collect(backend)
        yield server, backend
        await backend.aclose()


Talking = tuple[LoopbackServer, ChatCompletionsBackend]


async def test_cancelling_closes_the_connection(talking: Talking) -> None:
    """Cancelled while it reads, a call has closed its connection within 50 ms."""
    server, backend = talking
    took: list[float] = []
    for _ in range(ATTEMPTS):
        words = asyncio.Event()
        task = asyncio.create_task(listen(backend, words))
        await words.wait()
        began = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took.append(await server.disconnected(timeout=2) - began)
    assert min(took) < 0.05


async def test_closing_closes_the_connection(talking: Talking) -> None:
    """Closed after some chunks, a call has closed its connection within 50 ms."""
    server, backend = talking
    took: list[float] = []
    for _ in range(ATTEMPTS):
        chunks = call(backend)
        await first_words(chunks)
        began = time.perf_counter()
        await chunks.aclose()
        took.append(await server.disconnected(timeout=2) - began)
    assert min(took) < 0.05


async def test_cancelling_in_silence_closes_the_connection() -> None:
    """Cancelled before the server has said a word, a call closes its connection just as fast."""
    took: list[float] = []
    async with LoopbackServer([silence()]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        for number in range(ATTEMPTS):
            task = asyncio.create_task(collect(backend))
            await server.received(number + 1)
            began = time.perf_counter()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            took.append(await server.disconnected(timeout=2) - began)
        await backend.aclose()
    assert min(took) < 0.05


async def test_leaving_one_call_leaves_the_others_alone() -> None:
    """A call that is cancelled does not disturb one that goes on over the same client."""
    slow = stream(delta(content="a"), 0.1, delta("stop", content="b"))
    async with LoopbackServer([answer(LONG).cut("stall"), slow]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        words = asyncio.Event()
        stopped = asyncio.create_task(listen(backend, words))
        await words.wait()
        going_on: asyncio.Task[list[StreamChunk]] = asyncio.create_task(collect(backend))
        await server.received(2)
        stopped.cancel()
        assert fold(await going_on).text == "ab"
        await backend.aclose()
