"""Requests to `/responses`: messages, tools, what is sent back, and what stays the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from massgraph.backends.echo import echo
from massgraph.backends.errors import BadRequestError
from massgraph.backends.openai_sdk.strict_schema import is_strict
from massgraph.backends.prefix import with_tail
from massgraph.backends.responses.input import input_items
from massgraph.backends.responses.params import wire_params
from massgraph.backends.responses.request import RequestForm, cache_key
from massgraph.nodes.actions import Legal, action_schemas

FORM = RequestForm(model="m", echo_key="openai:m")
MARKED = RequestForm(model="m", echo_key="openai:m", breakpoints=True)
EXPLICIT = {"mode": "explicit"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"}
CALL = ToolCall(name="f", args={"größe": "5 €"}, id="c1", type="tool_call")
FUNCTION_CALL = {
    "type": "function_call",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"größe": "5 €"}',
}


def items(*messages: AnyMessage, breakpoints: bool = False) -> list[dict[str, Any]]:
    """Return the input items of these messages."""
    return input_items(messages, echo_key="openai:m", breakpoints=breakpoints)


def said(role: str, *texts: str) -> dict[str, Any]:
    """Return the item of a message."""
    parts = [{"type": "input_text", "text": text} for text in texts]
    return {"type": "message", "role": role, "content": parts}


# --- messages ------------------------------------------------------------------------------------


def test_messages_on_the_wire() -> None:
    """Each kind of message has its item; text is sent byte for byte."""
    assert items(SystemMessage("Be\\n brief."), HumanMessage("**q** 🙂")) == [
        said("system", "Be\\n brief."),
        said("user", "**q** 🙂"),
    ]
    assert items(AIMessage("Hm.", tool_calls=[CALL]), ToolMessage("No!", tool_call_id="c1")) == [
        {"type": "message", "role": "assistant", "content": "Hm."},
        FUNCTION_CALL,
        {"type": "function_call_output", "call_id": "c1", "output": "No!"},
    ]
    assert items(AIMessage("")) == []
    assert items(HumanMessage("")) == [said("user", "")]


def test_an_error_answers_its_call() -> None:
    """A tool that failed answers its call like any other."""
    failed = ToolMessage("It broke.", tool_call_id="c1", status="error")
    assert items(failed)[0]["output"] == "It broke."


def test_calls_that_did_not_parse_keep_their_text() -> None:
    """A call with malformed arguments goes back as it came, so that it can be answered."""
    bad = InvalidToolCall(name="f", args="{oops", id="c1", error="", type="invalid_tool_call")
    assert items(AIMessage("", invalid_tool_calls=[bad]))[0]["arguments"] == "{oops"


def test_a_message_in_parts() -> None:
    """A question may hold images beside text, by address or by value."""
    by_url = {"type": "image_url", "image_url": {"url": "http://a/b.png", "detail": "low"}}
    by_value = {"type": "image", "base64": "AA==", "mime_type": "image/png"}
    sent = items(HumanMessage([{"type": "text", "text": "What is it?"}, by_url, by_value]))
    assert sent[0]["content"] == [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": "http://a/b.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"},
    ]


def test_a_message_that_the_protocol_does_not_have() -> None:
    """A message of another kind is refused, not bent into one of the known kinds."""
    with pytest.raises(BadRequestError, match="ChatMessage"):
        items(ChatMessage(content="x", role="critic"))


def test_own_messages_go_back_as_they_came() -> None:
    """The provider's own items go back in their order; to another one, text and calls go."""
    own = echo("openai:m", [REASONING, {**FUNCTION_CALL, "id": "fc_1"}], "", [CALL])
    assert items(own) == [REASONING, {**FUNCTION_CALL, "id": "fc_1"}]
    theirs = echo("claude:n", [{"type": "thinking"}], "Hm.", [CALL])
    assert [item["type"] for item in items(theirs)] == ["message", "function_call"]


# --- the body ------------------------------------------------------------------------------------


def test_the_body() -> None:
    """A request is stateless, its functions are flat, and what is None is left out."""
    tool = ToolSchema("vote", "Votes.", {"type": "object", "properties": {}})
    body = FORM.body([HumanMessage("hi")], [tool], {"temperature": None, "top_p": 0.5})
    assert body == {
        "model": "m",
        "stream": True,
        "store": False,
        "prompt_cache_key": cache_key([HumanMessage("hi")]),
        "tools": [
            {
                "type": "function",
                "name": "vote",
                "description": "Votes.",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            }
        ],
        "top_p": 0.5,
        "input": [said("user", "hi")],
    }


def test_tools_and_include_of_a_person_are_added() -> None:
    """Further tools and includes stand beside those that are there, and replace none."""
    form = RequestForm(model="m", echo_key="", tools=({"type": "web_search"},), include=("a",))
    more = {"tools": [{"type": "mcp"}], "include": ["b"]}
    body = form.body([], [ToolSchema("f")], more)
    assert [tool["type"] for tool in body["tools"]] == ["web_search", "function", "mcp"]
    assert body["include"] == ["a", "b"]


def test_a_line_for_the_system() -> None:
    """A line of the adapter's own stands behind the system message, or is one."""
    form = RequestForm(model="m", echo_key="", system="Search!")
    sent = form.body([SystemMessage("Be brief."), HumanMessage("q")], [], {})["input"]
    assert sent == [said("system", "Be brief.\n\nSearch!"), said("user", "q")]
    assert form.body([HumanMessage("q")], [], {})["input"][0] == said("system", "Search!")


def test_parameters() -> None:
    """Shared names become the wire's, and what is nested there stays together."""
    assert wire_params(
        {"max_tokens": 9, "reasoning_effort": "low", "reasoning_summary": "auto"}
    ) == {
        "max_output_tokens": 9,
        "reasoning": {"effort": "low", "summary": "auto"},
    }
    over = {"reasoning": {"effort": "low", "summary": "auto"}}
    assert wire_params({"reasoning_effort": "high"}, over=over) == {
        "reasoning": {"effort": "high", "summary": "auto"}
    }
    chat = {"type": "function", "function": {"name": "vote"}}
    assert wire_params({"tool_choice": chat}) == {
        "tool_choice": {"type": "function", "name": "vote"}
    }
    assert wire_params({"tool_choice": "auto"}) == {"tool_choice": "auto"}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert wire_params({"response_format": schema, "verbosity": "low"}) == {
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {}}, "verbosity": "low"}
    }


# --- strict functions ----------------------------------------------------------------------------


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (_object(), True),
        (_object(a={"type": "string", "enum": ["x"], "description": "d"}), True),
        (_object(a={"type": ["string", "null"]}), True),
        (_object(a={"type": "array", "items": _object(b=TEXT)}), True),
        (_object(a={"anyOf": [TEXT, _object(b=TEXT)]}), True),
        ({**_object(a=TEXT), "required": []}, False),
        ({"type": "object", "properties": {}}, False),
        ({"type": "object"}, False),
        ({"type": "array", "items": TEXT}, False),
        ({**_object(a=TEXT), "anyOf": [{}]}, False),
        (_object(a={}), False),
        (_object(a={"type": "object"}), False),
        (_object(a={"type": "array"}), False),
        (_object(a={"type": "array", "items": {"type": "object"}}), False),
        (_object(a={"type": "string", "default": "x"}), False),
        (_object(a={"oneOf": [TEXT]}), False),
        ({**_object(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"type": "object"}}}, False),
        ({**_object(a={"$ref": "#/$defs/A"}), "$defs": {"A": _object(b=TEXT)}}, True),
        (_object(a=True), False),
    ],
)
def test_which_schemas_are_strict(schema: dict[str, Any], strict: bool) -> None:
    """A schema is strict if it is closed to its depth, and has no word that strict mode lacks."""
    assert is_strict(schema) is strict


def test_the_actions_are_strict() -> None:
    """What agents do is strict: a vote for nobody cannot be written."""
    actions = action_schemas(Legal(answer=True, targets={"agent1": "a", "agent2": "b"}))
    assert len(actions) == 2
    assert all(is_strict(action.parameters) for action in actions)


# --- what stays the same -------------------------------------------------------------------------

SYSTEM = SystemMessage("Be brief.")
ANSWER = ToolSchema("new_answer", "Answers.", _object(content=TEXT))


def _vote(*labels: str) -> ToolSchema:
    return ToolSchema("vote", "Votes.", _object(agent_id={"type": "string", "enum": [*labels]}))


def _bytes(form: RequestForm, messages: Sequence[AnyMessage], *tools: ToolSchema) -> str:
    return json.dumps(form.body(messages, tools, {"max_output_tokens": 99}))


@pytest.mark.parametrize("form", [FORM, MARKED], ids=["plain", "breakpoints"])
def test_the_beginning_stays_the_same(form: RequestForm) -> None:
    """Two requests are equal, byte for byte, up to the first thing that differs."""
    first = _bytes(form, [SYSTEM, with_tail("Q?", ["Answer: 1"])], ANSWER, _vote("a"))
    second = _bytes(form, [SYSTEM, with_tail("Q?", ["Answer: 2"])], ANSWER, _vote("a"))
    where = next(n for n, pair in enumerate(zip(first, second, strict=True)) if len({*pair}) > 1)
    assert first[where - 8 : where] == "Answer: "
    third = _bytes(form, [SYSTEM, with_tail("Q?", [])], ANSWER, _vote("b"))
    where = next(n for n, pair in enumerate(zip(first, third, strict=False)) if len({*pair}) > 1)
    assert first[:where].endswith('"enum": ["')


def test_the_same_request_twice() -> None:
    """Nothing in a request depends on the time, or on chance."""
    messages = [SYSTEM, with_tail("Q?", ["A"])]
    assert _bytes(MARKED, messages, ANSWER) == _bytes(MARKED, messages, ANSWER)


def test_the_cache_key() -> None:
    """One conversation has one key in all its rounds; another question has another one."""
    key = cache_key([SYSTEM, with_tail("Q?", ["Answer: 1"])])
    assert key == cache_key([SYSTEM, with_tail("Q?", ["Answer: 2", "Debate."])])
    assert key == cache_key([SYSTEM, HumanMessage("Q?"), AIMessage("A"), HumanMessage("And?")])
    assert key != cache_key([SYSTEM, HumanMessage("Another?")])
    assert key != cache_key([SystemMessage("Be long."), HumanMessage("Q?")])
    assert "Q" not in key
    assert cache_key([]) != key


# --- breakpoints ---------------------------------------------------------------------------------


def marks(*messages: AnyMessage) -> list[str]:
    """Return the texts that breakpoints stand behind."""
    parts: list[dict[str, Any]] = []
    for item in items(*messages, breakpoints=True):
        held = item.get("output") or item.get("content") or ()
        parts += [part for part in held if isinstance(part, dict)]
    assert all(part.get("prompt_cache_breakpoint") in (None, EXPLICIT) for part in parts)
    return [part["text"] for part in parts if "prompt_cache_breakpoint" in part]


def test_breakpoints_of_a_round() -> None:
    """They stand behind the system message and behind what stays of the question."""
    assert marks(SYSTEM, with_tail("Q?", ["Answer: 1"])) == ["Be brief.", "Q?"]
    sent = items(SYSTEM, with_tail("Q?", ["Answer: 1"]), breakpoints=True)
    assert [part["text"] for part in sent[1]["content"]] == ["Q?", "\n\nAnswer: 1"]


def test_breakpoints_of_tool_results() -> None:
    """What earlier requests have ended with is marked still: nothing else is looked up."""
    called = AIMessage("", tool_calls=[CALL])
    other = ToolCall(name="f", args={}, id="c2", type="tool_call")
    transcript: list[AnyMessage] = [
        SYSTEM,
        with_tail("Q?", ["Answer: 1"]),
        called,
        ToolMessage("first", tool_call_id="c1"),
        AIMessage("", tool_calls=[other]),
        ToolMessage("second", tool_call_id="c2"),
    ]
    assert marks(*transcript[:4]) == ["Be brief.", "Q?", "first"]
    assert marks(*transcript) == ["Be brief.", "Q?", "first", "second"]


def test_breakpoints_of_a_plain_conversation() -> None:
    """Each question was the end of a request once, and is found there again."""
    talk: list[AnyMessage] = [SYSTEM, HumanMessage("Q?"), AIMessage("A"), HumanMessage("And?")]
    assert marks(*talk) == ["Be brief.", "Q?", "And?"]
    assert marks(HumanMessage("Q?"), AIMessage("A")) == ["Q?"]


def test_breakpoints_of_follow_up_questions() -> None:
    """What stayed of an earlier question is marked where it was, without its tail."""
    talk = [SYSTEM, HumanMessage("Q?"), AIMessage("A"), with_tail("And?", ["Answer: 1"])]
    assert marks(*talk) == ["Be brief.", "Q?", "And?"]


def test_without_breakpoints_nothing_is_marked() -> None:
    """Other models find the longest beginning by themselves: they are sent plain parts."""
    sent = json.dumps(FORM.body([SYSTEM, with_tail("Q?", ["A"])], [], {}))
    assert "breakpoint" not in sent
    assert "prompt_cache_options" not in sent
    assert MARKED.body([SYSTEM], [], {})["prompt_cache_options"] == EXPLICIT


def test_a_kept_message_is_not_changed() -> None:
    """Making a request leaves the messages as they are, the kept items included."""
    own = echo("openai:m", [dict(REASONING), {**FUNCTION_CALL}], "", [CALL])
    before = own.model_dump_json()
    items(SYSTEM, own, ToolMessage("x", tool_call_id="c1"), breakpoints=True)
    assert own.model_dump_json() == before
