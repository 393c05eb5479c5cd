"""The loopback server itself: it takes what a server takes, and refuses what none would."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolCall, ToolMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.chat_completions import ChatCompletionsBackend
from massgraph.backends.errors import BackendConnectionError, BadRequestError, OverloadedError
from massgraph.backends.fold import fold

from .contract import collect
from .loopback import LoopbackServer, Request, http_error, text

CALL = ToolCall(name="f", args={}, id="a", type="tool_call")


async def ask(server: LoopbackServer, model: str = "m", **options: Any) -> str:
    """Return what a model of the server says."""
    backend = ChatCompletionsBackend(model, base_url=server.base_url)
    try:
        return fold(await collect(backend, **options)).text
    finally:
        await backend.aclose()


async def test_replies_in_order() -> None:
    """Replies are played in their order, and the last one again and again."""
    async with LoopbackServer([text("one"), http_error(500), text("two")]) as server:
        assert await ask(server) == "one"
        with pytest.raises(OverloadedError):
            await ask(server)
        assert [await ask(server), await ask(server)] == ["two", "two"]
    assert len(server.requests) == 4
    times = [request.came_at for request in server.requests]
    assert times == sorted(times)


async def test_replies_by_model_and_by_function() -> None:
    """A script may be one for each model, or a function of the request."""
    async with LoopbackServer({"a": [text("I am a")], "b": [text("I am b")]}) as server:
        assert [await ask(server, "b"), await ask(server, "a")] == ["I am b", "I am a"]

    def echo(request: Request) -> Any:
        return text(request.body["messages"][-1]["content"])

    async with LoopbackServer(echo) as server:
        assert await ask(server) == "What is larger?"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [HumanMessage("x"), ToolMessage("5", tool_call_id="a")],
        [HumanMessage("x"), AIMessage("", tool_calls=[CALL])],
        [HumanMessage("x"), AIMessage("", tool_calls=[CALL]), HumanMessage("y")],
    ],
    ids=["none", "orphan-result", "unanswered-call", "call-answered-late"],
)
async def test_conversations_that_no_server_takes(messages: list[AnyMessage]) -> None:
    """A conversation in which calls and results do not match is refused."""
    async with LoopbackServer([text("ok")]) as server:
        with pytest.raises(BadRequestError):
            await ask(server, messages=messages)


async def test_tools_that_no_server_takes() -> None:
    """Two tools of one name are refused."""
    async with LoopbackServer([text("ok")]) as server:
        backend = ChatCompletionsBackend("m", base_url=server.base_url)
        with pytest.raises(BadRequestError):
            await collect(backend, ToolSchema("f"), ToolSchema("f"))
        await backend.aclose()


async def test_a_mistake_in_the_script_is_seen() -> None:
    """A script that fails, fails the test."""

    def mistaken(request: Request) -> Any:
        raise KeyError(request.path)

    server = LoopbackServer(mistaken)
    server.__enter__()
    with pytest.raises(BackendConnectionError):
        await ask(server)
    with pytest.raises(KeyError):
        server.__exit__()
