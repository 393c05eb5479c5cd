"""What is sent to the Gemini API: the server refuses what Google refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from massgraph.backends.base import ToolSchema
from massgraph.backends.errors import BadRequestError
from massgraph.backends.fold import Turn

from ..wire.server import LoopbackServer, WireTurn
from .gemini_calls import PICK, ask, body_of, frames, open_backend, said

SIGN = "thoughtSignature"
DUMMY = "skip_thought_signature_validator"


def call(call_id: str, fruit: str = "fig") -> ToolCall:
    """Return a call."""
    return ToolCall(name="pick", args={"fruit": fruit}, id=call_id, type="tool_call")


def result(call_id: str, text: str = "ok", **rest: Any) -> ToolMessage:
    """Return the result of a call."""
    return ToolMessage(text, tool_call_id=call_id, **rest)


async def contents_of(*messages: AnyMessage, **options: Any) -> list[Any]:
    """Return the contents that messages become."""
    body = await body_of(PICK, messages=messages, **options)
    contents: list[Any] = body["contents"]
    return contents


# --- messages ----------------------------------------------------------------------------------


async def test_roles() -> None:
    """System messages at the beginning are the instruction; neighbours of one role are joined."""
    messages = [
        SystemMessage("Be brief."),
        SystemMessage("Be kind."),
        HumanMessage("One."),
        HumanMessage(""),
        HumanMessage("Two."),
        AIMessage("Yes."),
        AIMessage(""),
        AIMessage("Indeed."),
        SystemMessage("Now."),
        HumanMessage("Three."),
    ]
    body = await body_of(messages=messages)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "One."}, {"text": "Two."}]},
        {"role": "model", "parts": [{"text": "Yes."}, {"text": "Indeed."}]},
        {"role": "user", "parts": [{"text": "Now."}, {"text": "Three."}]},
    ]


async def test_a_model_without_system_instruction() -> None:
    """The user says it instead."""
    body = await body_of(
        messages=[SystemMessage("Be brief."), HumanMessage("Hi.")], model="gemma-3-27b-it"
    )
    assert "systemInstruction" not in body
    assert body["contents"][0]["parts"] == [{"text": "Be brief."}, {"text": "Hi."}]


async def test_media() -> None:
    """Images and files go along."""
    data = base64.b64encode(b"x").decode()
    blocks: list[str | dict[Any, Any]] = [
        "Look:",
        {"type": "text", "text": ""},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
        {"type": "image", "url": "https://a.example/b.png", "mime_type": "image/png"},
    ]
    (content,) = await contents_of(HumanMessage(blocks))
    assert content["parts"] == [
        {"text": "Look:"},
        {"inlineData": {"mimeType": "image/png", "data": data}},
        {"fileData": {"fileUri": "https://a.example/b.png", "mimeType": "image/png"}},
    ]


async def test_a_message_that_gemini_does_not_have() -> None:
    """It is refused before anything is sent."""
    with LoopbackServer([WireTurn(text="x")]) as server:
        backend = open_backend(server)
        with pytest.raises(BadRequestError, match="ChatMessage"):
            await ask(backend, messages=[ChatMessage("x", role="critic")])
        await backend.aclose()
        assert server.requests == []


# --- calls and results -------------------------------------------------------------------------


async def test_calls_of_other_models() -> None:
    """The first call of each step carries the documented signature; results name their calls."""
    contents = await contents_of(
        HumanMessage("Hi."),
        AIMessage("Let me.", tool_calls=[call("a"), call("b", "kiwi")]),
        result("b", "none left", status="error"),
        result("a", "ripe"),
        AIMessage("", tool_calls=[call("c")]),
        result("c"),
        HumanMessage("Go on."),
    )
    first, second = contents[1]["parts"], contents[3]["parts"]
    assert [part.get(SIGN) for part in first] == [None, DUMMY, None]
    assert [part.get(SIGN) for part in second] == [DUMMY]
    answers = [part["functionResponse"] for part in contents[2]["parts"]]
    assert answers == [
        {"id": "a", "name": "pick", "response": {"output": "ripe"}},
        {"id": "b", "name": "pick", "response": {"error": "none left"}},
    ]
    assert [[*part] for part in contents[4]["parts"]] == [["functionResponse"], ["text"]]


async def test_a_model_that_does_not_sign() -> None:
    """It is not sent the signature either."""
    contents = await contents_of(
        HumanMessage("Hi."),
        AIMessage("", tool_calls=[call("a")]),
        result("a"),
        model="gemini-2.5-flash",
    )
    assert SIGN not in contents[1]["parts"][0]


async def continued(
    *turns: WireTurn, model: str = "gemini-3.8-flash", **options: Any
) -> tuple[list[Turn], list[Any]]:
    """Play turns, each call of which gets its result, and return them and the last contents."""
    messages: list[AnyMessage] = [SystemMessage("Be."), HumanMessage("Hi.")]
    made: list[Turn] = []
    with LoopbackServer([*turns]) as server:
        for _ in turns:
            backend = open_backend(server, model, **options)
            made.append(await ask(backend, PICK, messages=messages))
            messages += [made[-1].message, *(result(x["id"] or "") for x in made[-1].tool_calls)]
        assert server.refused == []
    contents: list[Any] = server.requests[-1].body["contents"]
    return made, contents


async def test_own_messages_go_back_as_they_came() -> None:
    """Signatures, ids and the parts of builtin tools come back: the server checks them."""
    busy = WireTurn(
        text="Let me see.",
        reasoning="Hm.",
        calls=(("pick", {"fruit": "fig"}), ("pick", {"fruit": "kiwi"})),
        searches=(("figs", (("https://a.example", "A"),)),),
        fetches=(("https://a.example", "Figs."),),
        code_runs=(("1", "1"),),
    )
    _, contents = await continued(
        busy, busy, WireTurn(text="Figs."), enable_web_search=True, enable_url_context=True
    )
    kinds = [key for part in contents[3]["parts"] for key in part if key != SIGN]
    assert kinds == [
        *("toolCall", "toolResponse") * 2,
        *("executableCode", "codeExecutionResult", "text"),
        *("functionCall", "functionCall"),
    ]


async def test_calls_without_ids() -> None:
    """A model that gives no ids gets none back: its results stand in the order of the calls."""
    twice = WireTurn(calls=(("pick", {"fruit": "fig"}), ("pick", {"fruit": "kiwi"})))
    made, contents = await continued(twice, WireTurn(text="x"), model="gemini-2.5-flash")
    assert all(found["id"] for found in made[0].tool_calls)
    parts = contents[1]["parts"] + contents[2]["parts"]
    assert all("id" not in next(iter(part.values())) for part in parts)


async def test_an_older_models_calls_are_signed_for_a_newer_one() -> None:
    """A conversation may move from Gemini 2.5 to Gemini 3."""
    made, _ = await continued(
        WireTurn(calls=(("pick", {"fruit": "fig"}),)), model="gemini-2.5-flash"
    )
    found = made[0].tool_calls[0]["id"] or ""
    contents = await contents_of(HumanMessage("Hi."), made[0].message, result(found))
    assert contents[1]["parts"][0][SIGN] == DUMMY
    assert contents[2]["parts"][0]["functionResponse"]["name"] == "pick"


# --- tools and parameters ----------------------------------------------------------------------


async def test_functions() -> None:
    """Schemas go as JSON schemas, key for key, and calls are held to them."""
    odd = ToolSchema(
        "odd",
        "",
        {
            "type": "object",
            "properties": {"snake_case": {"$ref": "#/$defs/x"}, "camelCase": {"const": 1}},
            "$defs": {"x": {"type": "string"}},
            "additionalProperties": False,
        },
    )
    body = await body_of(PICK, odd)
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "pick",
                    "description": "Pick a fruit.",
                    "parametersJsonSchema": PICK.parameters,
                },
                {"name": "odd", "parametersJsonSchema": odd.parameters},
            ]
        }
    ]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    older = await body_of(PICK, model="gemini-2.0-flash")
    assert older["toolConfig"]["functionCallingConfig"]["mode"] == "AUTO"


async def test_builtin_tools() -> None:
    """They stand beside the functions, and the API is told to show what they do."""
    options = dict.fromkeys(
        ("enable_web_search", "enable_code_interpreter", "enable_url_context"), True
    )
    body = await body_of(PICK, **options)
    assert [key for tool in body["tools"] for key in tool] == [
        *("functionDeclarations", "googleSearch", "codeExecution", "urlContext")
    ]
    assert body["toolConfig"]["includeServerSideToolInvocations"] is True
    alone = await body_of(**options)
    assert "toolConfig" not in alone


@pytest.mark.parametrize(
    ("model", "options", "config"),
    [
        ("gemini-3.8-flash", {}, {"thinkingConfig": {"includeThoughts": True}}),
        (
            "gemini-3.8-flash",
            {"reasoning_effort": "low"},
            {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}},
        ),
        (
            "gemini-2.5-flash",
            {"reasoning_effort": "none", "temperature": 0.5},
            {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0}, "temperature": 0.5},
        ),
        ("gemini-2.0-flash", {"max_tokens": 9}, {"maxOutputTokens": 9}),
        (
            "gemini-3.8-flash",
            {"temperature": 0.1, "extra_body": {"seed": 7, "stop_sequences": ["x"]}},
            {"thinkingConfig": {"includeThoughts": True}, "seed": 7, "stopSequences": ["x"]},
        ),
        (
            "gemini-3.8-flash",
            {"extra_body": {"generationConfig": {"thinkingConfig": {"includeThoughts": False}}}},
            {"thinkingConfig": {"includeThoughts": False}},
        ),
        (
            "gemini-3.8-flash",
            {"extra_body": {"generation_config": {"thinkingConfig": None}}},
            {},
        ),
    ],
)
async def test_generation_config(model: str, options: dict[str, Any], config: Any) -> None:
    """Parameters stand where the API has them; what the model does not take is not sent."""
    assert (await body_of(model=model, **options)).get("generationConfig", {}) == config


async def test_parameters_of_one_call() -> None:
    """They stand over those of the backend; None leaves one out."""
    body = await body_of(
        model="gemini-2.5-flash",
        temperature=0.5,
        max_tokens=5,
        params={"temperature": None, "max_tokens": 6, "safety_settings": []},
    )
    assert "temperature" not in body["generationConfig"]
    assert body["generationConfig"]["maxOutputTokens"] == 6
    assert body["safetySettings"] == []


async def test_the_callers_mapping_stays_as_it_is() -> None:
    """Nothing is written into what a person has given."""
    given = {"generationConfig": {"seed": 1}, "safetySettings": [{"category": "c"}]}
    before = json.dumps(given)
    body = await body_of(max_tokens=5, extra_body=given)
    assert body["generationConfig"]["seed"] == 1
    assert body["safetySettings"] == given["safetySettings"]
    assert json.dumps(given) == before


# --- one request and the next ------------------------------------------------------------------


async def raw_bodies(turns: Sequence[WireTurn], model: str, **options: Any) -> list[str]:
    """Return the requests of a conversation with tools, as text."""
    messages: list[AnyMessage] = [SystemMessage("Be."), HumanMessage("Hi.")]
    with LoopbackServer([*turns]) as server:
        for _ in turns:
            backend = open_backend(server, model, **options)
            turn = await ask(backend, PICK, messages=messages)
            messages += [turn.message, *(result(x["id"] or "") for x in turn.tool_calls)]
            if not turn.tool_calls:
                messages.append(HumanMessage("And?"))
        assert server.refused == []
    return [json.dumps(request.body) for request in server.requests]


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("gemini-3.8-flash", WireTurn(text="Hm.", calls=(("pick", {"fruit": "fig"}),))),
        ("gemini-2.5-flash", WireTurn(text='{"tool": "pick", "arguments": {}}')),
    ],
)
async def test_what_was_sent_is_sent_again(model: str, answer: WireTurn) -> None:
    """The next request of a conversation begins, byte for byte, with the one before."""
    bodies = await raw_bodies([answer] * 4, model, enable_web_search=True)
    for before, after in pairwise(bodies):
        said_before = json.loads(before)
        said_after = json.loads(after)
        for key in said_before.keys() - {"contents"}:
            assert json.dumps(said_before[key]) == json.dumps(said_after[key])
        told = json.dumps(said_before["contents"])[:-1]
        assert json.dumps(said_after["contents"]).startswith(told)


async def test_the_same_call_is_the_same_request() -> None:
    """Equal conversations make equal bytes, in whatever order options are given."""
    messages = [SystemMessage("Be."), HumanMessage("Hi."), AIMessage("", tool_calls=[call("a")])]
    messages.append(result("a"))
    first = await body_of(PICK, messages=messages, max_tokens=5, enable_web_search=True)
    second = await body_of(PICK, messages=messages, enable_web_search=True, max_tokens=5)
    assert json.dumps(first) == json.dumps(second)


async def test_the_server_takes_nothing_unfamiliar() -> None:
    """The server of these tests does refuse: a call without its signature, for one."""
    reply = frames(said("ok", finishReason="STOP"))
    bad = AIMessage("", tool_calls=[call("a")])
    with LoopbackServer([reply]) as server:
        backend = open_backend(server)
        with pytest.raises(BadRequestError, match="function call turn is followed"):
            await ask(backend, PICK, messages=[HumanMessage("Hi."), bad, HumanMessage("So?")])
        await backend.aclose()
