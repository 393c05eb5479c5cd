"""The chat completions adapter: requests, answers, keys, clients."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    ChatMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from massgraph.backends.base import ToolSchema
from massgraph.backends.chat.request import request_body, wire_message
from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.errors import BadRequestError, UserError
from massgraph.backends.fold import Turn, fold
from massgraph.backends.guard import forbid_real_requests

from .contract import collect
from .loopback import LoopbackServer, Request, answer, delta, stream, text, usage_frame

KEY = "sk-loopback-5f3a9c"
LOCAL = "http://127.0.0.1:9/v1"
HI: list[AnyMessage] = [HumanMessage("hi")]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any of the variables that the SDK reads."""
    for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "ADMIN_KEY", "CUSTOM_HEADERS"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)


async def ask(server: LoopbackServer, *tools: ToolSchema, **options: Any) -> Turn:
    """Return the turn that a backend with these options gets from the server."""
    backend = ChatCompletionsBackend("m", base_url=server.base_url, **options)
    try:
        return fold(await collect(backend, *tools))
    finally:
        await backend.aclose()


async def sent(**options: Any) -> Request:
    """Return the request that a backend with these options sends."""
    async with LoopbackServer([text("ok")]) as server:
        await ask(server, **options)
    return server.requests[0]


# --- requests ----------------------------------------------------------------------------------


def test_messages_on_the_wire() -> None:
    """Each kind of message has its form on the wire; text is sent byte for byte."""
    call = ToolCall(name="f", args={"größe": "5 €\n"}, id="c1", type="tool_call")
    assert wire_message(SystemMessage("Be\\n brief.")) == {
        "role": "system",
        "content": "Be\\n brief.",
    }
    assert wire_message(HumanMessage("**q**")) == {"role": "user", "content": "**q**"}
    assert wire_message(AIMessage("said")) == {"role": "assistant", "content": "said"}
    assert wire_message(AIMessage("", tool_calls=[call])) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"größe": "5 €\\n"}'},
            }
        ],
    }
    assert wire_message(ToolMessage("5", tool_call_id="c1")) == {
        "role": "tool",
        "tool_call_id": "c1",
        "content": "5",
    }


def test_calls_that_did_not_parse_keep_their_text() -> None:
    """A call with malformed arguments goes back as it came, so that it can be answered."""
    bad = InvalidToolCall(name="f", args="{oops", id="c1", error="", type="invalid_tool_call")
    wire = wire_message(AIMessage("", invalid_tool_calls=[bad]))
    assert wire["tool_calls"][0]["function"] == {"name": "f", "arguments": "{oops"}


def test_a_message_in_parts() -> None:
    """A question may hold images beside text."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    wire = wire_message(HumanMessage([{"type": "text", "text": "What is it?"}, image]))
    assert wire["content"] == [{"type": "text", "text": "What is it?"}, image]


def test_a_message_that_the_protocol_does_not_have() -> None:
    """A message of another kind is refused, not bent into one of the known kinds."""
    with pytest.raises(BadRequestError, match="ChatMessage"):
        wire_message(ChatMessage(content="x", role="critic"))


def test_the_body() -> None:
    """Tools become functions, None leaves a key out, and usage is always asked for."""
    tool = ToolSchema("vote", "Votes.", {"type": "object", "properties": {}})
    body = request_body("m", HI, [tool], {"temperature": None, "seed": 3})
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "vote",
                    "description": "Votes.",
                    "parameters": {"type": "object", "properties": {}},
                },
            }
        ],
        "seed": 3,
    }
    assert "tools" not in request_body("m", HI, [], {})


async def test_parameters_of_the_backend_and_of_the_call() -> None:
    """The backend's parameters are sent with each call, and those of a call win."""
    async with LoopbackServer([text("ok")]) as server:
        backend = ChatCompletionsBackend(
            "m", base_url=server.base_url, temperature=0.2, max_tokens=9, extra_body={"seed": 1}
        )
        async for _ in backend.stream_with_tools(HI, ()):
            pass
        async for _ in backend.stream_with_tools(HI, (), temperature=0.9, max_tokens=None, top_k=4):
            pass
        await backend.aclose()
    first, second = (request.body for request in server.requests)
    assert (first["temperature"], first["max_tokens"], first["seed"]) == (0.2, 9, 1)
    assert (second["temperature"], second["top_k"], second["seed"]) == (0.9, 4, 1)
    assert "max_tokens" not in second


# --- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_reasoning(name: str) -> None:
    """Reasoning is read under both names that servers use."""
    reply = stream(delta(**{name: "Let me "}), delta(**{name: "see."}), delta("stop", content="2"))
    async with LoopbackServer([reply]) as server:
        turn = await ask(server)
    assert (turn.reasoning, turn.text) == ("Let me see.", "2")


async def test_reasoning_under_both_names_counts_once() -> None:
    """A server that sends the same reasoning under both names is read once."""
    reply = stream(delta("stop", reasoning="Hm.", reasoning_content="Hm.", content="2"))
    async with LoopbackServer([reply]) as server:
        assert (await ask(server)).reasoning == "Hm."


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("length", "length"),
        ("content_filter", "refusal"),
        ("eos", "other"),
    ],
)
async def test_finish_reasons(theirs: str, ours: str) -> None:
    """Each finish reason of the protocol has one of ours; an unknown one is `other`."""
    async with LoopbackServer([answer("x", finish_reason=theirs)]) as server:
        assert (await ask(server)).finish_reason == ours


async def test_stop_after_tool_calls() -> None:
    """A server that calls a tool and says `stop` means tool_calls."""
    async with LoopbackServer([answer(calls=[("f", {})], finish_reason="stop")]) as server:
        assert (await ask(server)).finish_reason == "tool_calls"


async def test_refusal() -> None:
    """What the model says in refusing is its text, and the turn ends as a refusal."""
    reply = stream(delta(refusal="I "), delta(refusal="won't."), delta("stop"))
    async with LoopbackServer([reply]) as server:
        turn = await ask(server)
    assert (turn.text, turn.finish_reason) == ("I won't.", "refusal")


async def test_usage() -> None:
    """Tokens come with their cached and reasoning parts, and are counted by the backend."""
    async with LoopbackServer([answer("x")]) as server:
        usage = (await ask(server)).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (12, 7)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (4, 2)
    assert usage.estimated_cost is None


async def test_reasoning_tokens_beside_the_completion() -> None:
    """Output includes reasoning, also from a server that counts it beside the completion."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 18}
    usage["completion_tokens_details"] = {"reasoning_tokens": 3}  # type: ignore[assignment]
    frame = {"choices": [], "usage": usage}
    async with LoopbackServer([stream(delta("stop", content="x"), frame)]) as server:
        got = (await ask(server)).usage
    assert got is not None
    assert (got.output_tokens, got.reasoning_tokens) == (8, 3)


async def test_usage_in_every_frame_counts_once() -> None:
    """A server that repeats the tokens in every frame is counted once, with its last figures."""
    frames = [
        {**delta(content="x"), "usage": {"prompt_tokens": 3, "completion_tokens": number}}
        for number in (1, 2, 2)
    ]
    async with LoopbackServer([stream(*frames, delta("stop"))]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        chunks = await collect(backend)
        await backend.aclose()
    assert [chunk.type for chunk in chunks].count("usage") == 2
    assert backend.token_usage.output_tokens == 2
    assert backend.token_usage.cached_tokens == 0


async def test_frames_that_say_nothing() -> None:
    """Frames with nothing but a role, nulls, or no choices are as good as none."""
    reply = stream(
        delta(role="assistant", content=None, tool_calls=None),
        {"choices": []},
        {"choices": None, "usage": None},
        {"choices": [{"index": 0, "delta": None, "finish_reason": ""}]},
        b": a comment\n\n",
        delta(content="x", unknown={"a": 1}),
        {"choices": [{"index": 1, "delta": {"content": "another answer"}}]},
        delta("stop"),
        usage_frame(),
    )
    async with LoopbackServer([reply]) as server:
        assert (await ask(server)).text == "x"


async def test_text_cut_anywhere() -> None:
    """Frames may arrive in pieces that are cut anywhere, also inside a character."""
    content = b'data: {"choices":[{"delta":{"content":"\xf0\x9f\x99\x82"},"finish_reason":"stop"}]}'
    pieces = [bytes([byte]) for byte in content + b"\r\n\r\n"]
    async with LoopbackServer([stream(*pieces)]) as server:
        assert (await ask(server)).text == "🙂"


# --- tool calls as servers really send them ----------------------------------------------------


def piece(index: int | None, call_id: str | None, name: str | None, arguments: Any) -> Any:
    """Return one entry of `tool_calls` in a delta."""
    call = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in call.items() if key != "index" or value is not None}


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param([[piece(0, "a", "f", '{"x": 1}')], [piece(1, "b", "g", "{}")]], id="whole"),
        pytest.param([[piece(0, "a", "f", '{"x": 1}'), piece(1, "b", "g", "{}")]], id="one-frame"),
        pytest.param([[piece(0, "a", "f", '{"x": 1}')], [piece(0, "b", "g", "{}")]], id="index-0"),
        pytest.param(
            [[piece(0, None, "f", '{"x": 1}')], [piece(0, None, "g", "{}")]], id="null-ids"
        ),
        pytest.param([[piece(0, "", "f", '{"x": 1}')], [piece(0, "", "g", "{}")]], id="empty-ids"),
        pytest.param(
            [[piece(None, "a", "f", '{"x": 1}'), piece(None, "b", "g", "{}")]], id="no-index"
        ),
        pytest.param(
            [[piece(None, None, "f", '{"x": 1}'), piece(None, None, "g", "")]], id="no-index-no-id"
        ),
        pytest.param(
            [
                [piece(0, "a", "f", '{"x": 1}')],
                [piece(0, "b", "g", "")],
                [piece(0, None, None, "{}")],
            ],
            id="index-0-in-pieces",
        ),
        pytest.param([[piece(0, "a", "f", {"x": 1}), piece(1, "b", "g", {})]], id="object"),
        pytest.param(
            [
                [piece(0, "a", "f", None)],
                [piece(0, "a2", None, '{"x":')],
                [piece(0, "a3", None, "1}")],
                [piece(1, "b", "g", "")],
            ],
            id="fresh-ids",
        ),
        pytest.param(
            [
                [piece(0, "a", "f", '{"x"')],
                [piece(1, "b", "g", "{")],
                [piece(0, "a", "f", ": 1}")],
                [piece(1, "b", "g", "}")],
            ],
            id="interleaved",
        ),
    ],
)
async def test_tool_calls_as_servers_send_them(deltas: list[Any]) -> None:
    """Whatever a server does about indexes, ids and pieces, two calls are two calls."""
    frames = [delta(tool_calls=calls) for calls in deltas]
    async with LoopbackServer([stream(*frames, delta("tool_calls"))]) as server:
        turn = await ask(server)
    calls = [(call["name"], call["args"]) for call in turn.tool_calls]
    assert calls == [("f", {"x": 1}), ("g", {})]
    assert len({call["id"] for call in turn.tool_calls}) == 2
    assert all(call["id"] for call in turn.tool_calls)


async def test_the_old_function_call() -> None:
    """The older form, one function call without an id, is read as a tool call."""
    frames = [
        delta(function_call={"name": "f", "arguments": '{"x"'}),
        delta(function_call={"arguments": ": 1}"}),
    ]
    async with LoopbackServer([stream(*frames, delta("function_call"))]) as server:
        turn = await ask(server)
    assert turn.tool_calls[0]["args"] == {"x": 1}
    assert turn.finish_reason == "tool_calls"


# --- keys --------------------------------------------------------------------------------------


async def test_an_explicit_key_is_sent() -> None:
    """`api_key` is sent as a bearer token, without the blanks around it."""
    assert (await sent(api_key=f" {KEY}\n")).headers["authorization"] == f"Bearer {KEY}"


async def test_a_key_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`api_key_env` names the variable that holds the key; `api_key` wins over it."""
    monkeypatch.setenv("MY_KEY", KEY)
    assert (await sent(api_key_env="MY_KEY")).headers["authorization"] == f"Bearer {KEY}"
    request = await sent(api_key_env="MY_KEY", api_key="another")
    assert request.headers["authorization"] == "Bearer another"


async def test_a_foreign_server_gets_nothing_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not OpenAI's gets no key, no organisation and no header of the variables."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/elsewhere")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Team: secret\nAuthorization: Bearer {KEY}")
    for options in ({}, {"api_key": "mine"}):
        headers = (await sent(**options)).headers
        assert headers.get("authorization") == ("Bearer mine" if options else None)
        assert "secret" not in str(headers)
        assert KEY not in str(headers)


async def test_extra_headers() -> None:
    """Further headers are sent, and may take the place of the usual authorization."""
    headers = (await sent(api_key=KEY, extra_headers={"Authorization": "Api-Key 7"})).headers
    assert headers["authorization"] == "Api-Key 7"


def test_openai_wants_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI's own host without a key is refused at once, in a line that says what to set."""
    with pytest.raises(UserError, match="OPENAI_API_KEY") as caught:
        ChatCompletionsBackend("gpt-5.4")
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    ChatCompletionsBackend("gpt-5.4")
    ChatCompletionsBackend("gpt-5.4", base_url="https://eu.api.openai.com/v1")


def test_only_the_real_host_gets_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that looks like OpenAI's, or that is reached in the clear, does not get its key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for url in (
        "https://api.openai.com.example.org/v1",
        "https://api-openai.com/v1",
        "https://api.openai.com@example.org/v1",
        "http://api.openai.com/v1",
    ):
        backend = ChatCompletionsBackend("m", base_url=url)
        assert backend._at.key is None


def test_a_missing_variable_is_named() -> None:
    """A variable that is not set is refused at once, by name."""
    with pytest.raises(UserError, match="NOT_SET_ANYWHERE"):
        ChatCompletionsBackend("m", base_url=LOCAL, api_key_env="NOT_SET_ANYWHERE")


@pytest.mark.parametrize("key", ["sk-\u2026 (pasted)", "two words", "line\nbreak"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    """A key with characters that no header carries is refused, and not shown."""
    with pytest.raises(UserError) as caught:
        ChatCompletionsBackend("m", base_url=LOCAL, api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000/v1",
        "ftp://x/v1",
        "http://",
        "http://[::1",
        "http://x:99999",
        "a b",
        "http://x/v1?k=1",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    """What is no http(s) URL is refused at once."""
    with pytest.raises(UserError, match="base_url"):
        ChatCompletionsBackend("m", base_url=url)


def test_a_model_is_needed() -> None:
    """An empty model is refused at once."""
    with pytest.raises(UserError, match="model"):
        ChatCompletionsBackend("", base_url=LOCAL)


def test_repr_shows_no_secret() -> None:
    """The key, the headers and a password in the URL are shown nowhere."""
    backend = ChatCompletionsBackend(
        "m",
        base_url="http://me:hunter22@127.0.0.1:9/v1",
        api_key=KEY,
        extra_headers={"X-Key": "hunter22"},
    )
    assert repr(backend) == "ChatCompletionsBackend(model='m', base_url='http://127.0.0.1:9/v1')"
    for secret in (KEY, "X-Key", "hunter22"):
        assert secret not in f"{vars(backend)}"


# --- clients -----------------------------------------------------------------------------------


async def test_forbidden_requests_are_not_sent() -> None:
    """While real requests are forbidden, a server elsewhere is not asked."""
    backend = ChatCompletionsBackend("m", base_url="http://192.0.2.1/v1")
    with forbid_real_requests(), pytest.raises(UserError, match=r"192\.0\.2\.1"):
        await collect(backend)


async def test_connections_are_used_again() -> None:
    """Calls one after the other go over one connection."""
    async with LoopbackServer([text("ok")]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        for _ in range(3):
            await collect(backend)
        assert server.connections_made == 1
        await backend.aclose()


async def test_the_sdk_does_not_retry() -> None:
    """A failed request is sent again by the policy of all backends alone."""
    backend = ChatCompletionsBackend("m", base_url="http://127.0.0.1:9/v1")
    assert (await backend._client()).max_retries == 0
    await backend.aclose()


async def test_no_proxy_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not asked for a server on this machine."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await sent()


def test_clients_of_closed_loops_are_forgotten() -> None:
    """A loop that was closed without aclose does not stay in memory for ever."""
    backend = ChatCompletionsBackend("m", base_url=LOCAL)
    for _ in range(3):
        asyncio.run(backend.prepare())
    assert len(backend._clients) == 1


async def test_no_thread_outlives_the_opening_of_a_client() -> None:
    """The thread in which a client is opened ends there."""
    before = set(threading.enumerate())
    backend = ChatCompletionsBackend("m", base_url=LOCAL)
    await backend.prepare()
    await backend.aclose()
    assert set(threading.enumerate()) == before


def test_the_sdk_is_imported_late() -> None:
    """To import the adapter and to build a backend costs no import of the SDK."""
    code = (
        "import sys; from massgraph.backends.registry import build_backend; "
        f"build_backend('chat_completions:m', base_url={LOCAL!r}); "
        "sys.exit('openai' in sys.modules or 'httpx2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
