"""Which tool is to be called, told by LangChain's users, and on every provider's wire."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from massgraph import BackendChatModel, LLMBackend
from massgraph.backends.fallback import FallbackBackend
from massgraph.backends.langchain import LangChainBackend
from massgraph.backends.scripted import ScriptedBackend
from tests.providers.seats import SEATS
from tests.wire.server import LoopbackServer
from tests.wire.turn import HttpError, WireTurn

WEATHER = {"title": "weather", "description": "Tells.", "type": "object", "properties": {}}
RAIN = {**WEATHER, "title": "rain"}
CHAT = {
    "any": "required",
    "none": "none",
    "weather": {"type": "function", "function": {"name": "weather"}},
    "auto": None,
}
RESPONSES = {**CHAT, "weather": {"type": "function", "name": "weather"}}
MESSAGES = {
    "any": {"type": "any"},
    "none": {"type": "none"},
    "weather": {"type": "tool", "name": "weather"},
    "auto": None,
}
GEMINI = {
    "any": {"mode": "ANY"},
    "none": {"mode": "NONE"},
    "weather": {"mode": "ANY", "allowedFunctionNames": ["weather"]},
    "auto": {"mode": "VALIDATED"},
}
WIRE: Mapping[str, Mapping[str, Any]] = {
    "openai": RESPONSES,
    "grok": RESPONSES,
    "claude": MESSAGES,
    "gemini": GEMINI,
    "chat_completions": CHAT,
}


class Colour(BaseModel):
    """A colour, by its name."""

    name: str


def model(backend: LLMBackend) -> BackendChatModel:
    return BackendChatModel(backend=backend, max_retries=0)


def sent(server: LoopbackServer) -> Any:
    """Return what the last request said about tools: the choice, as its protocol has it."""
    assert server.refused == []
    body = server.requests[-1].body
    calling = body.get("toolConfig", {}).get("functionCallingConfig")
    return body.get("tool_choice") if calling is None else calling


def offered(server: LoopbackServer) -> list[str]:
    """Return the names of the tools that the last request offered."""
    tools = server.requests[-1].body.get("tools", [])
    functions = [one for tool in tools for one in tool.get("functionDeclarations", [tool])]
    return [one["name"] if "name" in one else one["function"]["name"] for one in functions]


@pytest.mark.parametrize("choice", ["any", "none", "weather", "auto"])
@pytest.mark.parametrize("provider", WIRE)
def test_a_choice_on_the_wire(provider: str, choice: str) -> None:
    """Each provider is told in its own words, and takes it."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        backend = SEATS[provider].open(server.origin)
        model(backend).bind_tools([WEATHER, RAIN], tool_choice=choice).invoke("Q?")
        assert sent(server) == WIRE[provider][choice]
        assert offered(server) == ["weather", "rain"]


@pytest.mark.parametrize("provider", WIRE)
def test_structured_output(provider: str) -> None:
    """An answer that must fit a schema is a forced call, read; no call at all is an error."""
    call = WireTurn(calls=[("Colour", {"name": "blue"})])
    with LoopbackServer([call, WireTurn(text="Blue.")]) as server:
        structured = model(SEATS[provider].open(server.origin)).with_structured_output(Colour)
        assert structured.invoke("Which colour?") == Colour(name="blue")
        assert sent(server) == WIRE[provider]["any"]
        with pytest.raises(OutputParserException, match="has not called the tool"):
            structured.invoke("Which colour?")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("claude-opus-5-5", {}),
        ("claude-opus-4-6", {"thinking_budget": 2000}),
        ("claude-opus-5", {"reasoning_effort": "high"}),
    ],
)
def test_claude_that_cannot_be_forced(
    name: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A model that thinks, or takes no force, is offered the chosen tool alone."""
    call = WireTurn(calls=[("weather", {})])
    with LoopbackServer([call]) as server, caplog.at_level(logging.WARNING, "massgraph"):
        backend = SEATS["claude"].open(server.origin, model=name, **options)
        both = model(backend).bind_tools([WEATHER, RAIN], tool_choice="weather")
        said = both.invoke("Q?")
        assert (sent(server), offered(server)) == (None, ["weather"])
        assert "thinking" in server.requests[-1].body
        assert isinstance(said, AIMessage)
        assert [one["name"] for one in said.tool_calls] == ["weather"]
        model(backend).bind_tools([WEATHER, RAIN], tool_choice="any").invoke("Q?")
        assert (sent(server), offered(server)) == (None, ["weather", "rain"])
    assert f"{name} cannot be forced to call a tool" in caplog.text


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("claude-sonnet-4-5", {}),
        ("claude-opus-4-8", {}),
        ("claude-opus-4-5", {"reasoning_effort": "low"}),
        ("claude-opus-4-6", {"thinking_budget": 0}),
    ],
)
def test_claude_that_does_not_think(name: str, options: dict[str, Any]) -> None:
    """A model that does not think can be forced, also where an effort is set."""
    with LoopbackServer([WireTurn(calls=[("weather", {})])]) as server:
        backend = SEATS["claude"].open(server.origin, model=name, **options)
        model(backend).bind_tools([WEATHER], tool_choice="weather").invoke("Q?")
        assert sent(server) == MESSAGES["weather"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gemini-2.5-flash", {"enable_web_search": True}),
        ("gemini-3.1-flash-image", {}),
    ],
)
def test_gemini_without_functions(name: str, options: dict[str, Any]) -> None:
    """A model that is told its tools in words is told of the chosen one alone, or of none."""
    call = WireTurn(text='{"tool": "Colour", "arguments": {"name": "blue"}}')
    with LoopbackServer([call, call, WireTurn(text="Hi.")]) as server:
        backend = SEATS["gemini"].open(server.origin, model=name, **options)
        assert model(backend).with_structured_output(Colour).invoke("Q?") == Colour(name="blue")
        for choice, told in (("Colour", (True, False)), ("none", (False, False))):
            model(backend).bind_tools([Colour, RAIN], tool_choice=choice).invoke("Q?")
            body = str(server.requests[-1].body)
            assert ("- Colour:" in body, "- rain:" in body) == told
        assert server.refused == []


@pytest.mark.parametrize(
    ("choice", "named", "names"),
    [
        ("any", "required", ["weather", "rain"]),
        ("weather", CHAT["weather"], ["weather", "rain"]),
        ("none", None, []),
        ("auto", None, ["weather", "rain"]),
    ],
)
def test_a_langchain_model_is_told(choice: str, named: Any, names: list[str]) -> None:
    """An integration has its own words; none of them means `none` everywhere."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        inner = ChatOpenAI(model="m", base_url=server.base_url, api_key="k")  # type: ignore[arg-type]
        backend = LangChainBackend(inner)
        model(backend).bind_tools([WEATHER, RAIN], tool_choice=choice).invoke("Q?")
        assert (sent(server), offered(server)) == (named, names)


def test_grok_behind_a_gateway_without_responses() -> None:
    """The choice is written in the protocol that is spoken in the end."""
    with LoopbackServer([HttpError(status=404), WireTurn(text="Hi.")]) as server:
        backend = SEATS["grok"].open(server.origin)
        model(backend).bind_tools([WEATHER], tool_choice="weather").invoke("Q?")
        assert server.requests[-1].protocol == "chat"
        assert sent(server) == CHAT["weather"]


def test_the_wire_words_of_a_config_stay() -> None:
    """What `extra_body` says is the provider's own, and goes out as it is."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        backend = SEATS["openai"].open(server.origin, extra_body={"tool_choice": "required"})
        model(backend).bind_tools([WEATHER]).invoke("Q?")
        assert sent(server) == "required"


def test_a_backend_that_cannot_be_told() -> None:
    """It is offered the named tool alone, or none; also behind one that can be told."""
    call = {"tool_calls": [{"name": "rain", "args": {}}], "when": "present"}
    alone = ScriptedBackend([call, {"text": "Hi.", "when": "present"}])
    assert not alone.takes_tool_choice
    told = model(alone).bind_tools([WEATHER, RAIN], tool_choice="none")
    assert isinstance(told.invoke("Q?"), AIMessage)
    seat = SEATS["chat_completions"]
    with LoopbackServer([WireTurn(calls=[("rain", {})])]) as server:
        both = FallbackBackend(seat.open(server.origin), alone)
        model(both).bind_tools([WEATHER, RAIN], tool_choice="rain").invoke("Q?")
        assert (sent(server), offered(server)) == (None, ["rain"])
        able = FallbackBackend(seat.open(server.origin), seat.open(server.origin))
        model(able).bind_tools([WEATHER, RAIN], tool_choice="rain").invoke("Q?")
        assert sent(server)["function"] == {"name": "rain"}


def test_strict_schemas() -> None:
    """LangChain's `strict` makes the schemas so, and is no parameter of a request."""
    with LoopbackServer([WireTurn(text="Hi.")]) as server:
        model(SEATS["openai"].open(server.origin)).bind_tools([Colour], strict=True).invoke("Q?")
        [tool] = server.requests[-1].body["tools"]
        assert tool["strict"] is True
        assert "strict" not in server.requests[-1].body
