"""What the embedded model is told, and what is made of its words; without the model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from massgraph.backends.base import ToolSchema
from massgraph.backends.errors import BadRequestError, MalformedResponseError
from massgraph.backends.local.choice import (
    MAX_STRING,
    answer_parameter,
    choice_prompt,
    choice_schema,
    choice_tokens,
    fill_limit,
    fill_prompt,
    free_strings,
    needs_no_choice,
    read_choice,
    tidy,
)
from massgraph.backends.local.messages import chat_messages


def tool(name: str, *, optional: tuple[str, ...] = (), **properties: Any) -> ToolSchema:
    """Return a tool that requires all its parameters but the optional ones."""
    required = [key for key in properties if key not in optional]
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSchema(name, f"Does {name}. It is useful.", schema)


TEXT = {"type": "string"}
LABEL = {"type": "string", "enum": ["a", "b", "c"]}
WRITE = tool("write", text=TEXT)
PICK = tool("pick", label=LABEL, why=TEXT)


def test_a_lone_string_is_an_answer() -> None:
    """Exactly one required string of any content, whatever is optional, is free text."""
    assert answer_parameter(WRITE) == "text"
    assert answer_parameter(tool("write", text=TEXT, style=LABEL, optional=("style",))) == "text"
    assert answer_parameter(PICK) is None
    assert answer_parameter(tool("write", text=TEXT, title=TEXT)) is None
    assert answer_parameter(tool("pick", label=LABEL)) is None
    assert answer_parameter(ToolSchema("stop")) is None


def test_nothing_to_choose() -> None:
    """One tool with nothing of closed form needs no decision."""
    assert needs_no_choice([WRITE])
    assert needs_no_choice([ToolSchema("stop")])
    assert not needs_no_choice([PICK])
    assert not needs_no_choice([WRITE, ToolSchema("stop")])
    assert free_strings(PICK) == ("why",)


def test_the_schema_holds_what_is_closed() -> None:
    """One branch a tool in the caller's order, with its name and no free string."""
    assert choice_schema([PICK, WRITE]) == {
        "anyOf": [
            {
                "type": "object",
                "properties": {"tool": {"const": "pick"}, "label": LABEL},
                "required": ["tool", "label"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"tool": {"const": "write"}},
                "required": ["tool"],
                "additionalProperties": False,
            },
        ]
    }


def test_everything_in_the_schema_is_bounded() -> None:
    """Strings and lists inside parameters get a limit, and the token limit covers it."""
    nested = {"type": "object", "properties": {"names": {"type": "array", "items": TEXT}}}
    deep = tool("deep", box=nested)
    text = json.dumps(choice_schema([deep]))
    assert '"maxItems": 8' in text
    assert f'"maxLength": {MAX_STRING}' in text
    assert choice_tokens([deep]) > 2 * MAX_STRING


def test_a_ranking_is_offered_as_its_orders() -> None:
    """A list of unique labels becomes an enum, because grammars know no uniqueness."""
    ranking = {"type": "array", "items": LABEL, "uniqueItems": True, "minItems": 3}
    branch = choice_schema([tool("rank", ranking=ranking)])["anyOf"][0]
    orders = branch["properties"]["ranking"]["enum"]
    assert len(orders) == 6
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_definitions_are_found_from_the_root() -> None:
    """References keep pointing to their definitions."""
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/X"}},
        "required": ["x"],
        "$defs": {"X": LABEL},
    }
    assert choice_schema([ToolSchema("t", "", schema)])["$defs"] == {"X": LABEL}


def test_the_prompt_shows_each_tool_as_json() -> None:
    """The caller's order, the values that may be chosen, the description's first sentence."""
    assert choice_prompt([PICK, WRITE]) == (
        "Reply with one of these JSON objects:\n"
        '{"tool": "pick", "label": "a" or "b" or "c"} - Does pick.\n'
        '{"tool": "write"} - Does write.'
    )


def test_a_missing_string_is_asked_for_by_its_description() -> None:
    """The first sentence of the description is the question, else the parameter's name."""
    asked = tool("t", label=LABEL, why={"type": "string", "description": "Why so? Be brief."})
    assert fill_prompt(asked, "why") == "Why so? Answer in one short sentence."
    assert fill_prompt(PICK, "why") == "Why? Answer in one short sentence."
    assert fill_limit(PICK, "why") == 200
    assert fill_limit(tool("t", why={"type": "string", "maxLength": 9}), "why") == 9


@pytest.mark.parametrize("text", ["", "[]", '{"tool": "other"}', '{"tool"', "{}"])
def test_an_unreadable_choice(text: str) -> None:
    """What is no choice is a malformed response."""
    with pytest.raises(MalformedResponseError):
        read_choice(text, [PICK])


def test_tidy() -> None:
    """A short text is one line of whole words; without a word it is nothing at all."""
    assert tidy("  It is\n right. ", 200) == "It is right."
    assert tidy("1. 2. 3. 4.", 200) == ""
    assert tidy("one two three", 10) == "one two…"
    assert tidy("one two thr", 200, cut=True) == "one two…"
    assert len(tidy("a" * 500, 200)) <= 200


def test_messages_become_turns() -> None:
    """Roles alternate, tools are told in words, and a late system message is the user's."""
    call = ToolCall(name="add", args={"a": 1}, id="1", type="tool_call")
    messages: list[AnyMessage] = [
        SystemMessage("Be brief."),
        HumanMessage("One"),
        HumanMessage([{"type": "text", "text": "and one?"}]),
        AIMessage("Let me see.", tool_calls=[call]),
        ToolMessage("2", tool_call_id="1", name="add"),
        ToolMessage("no", tool_call_id="2", name="add", status="error"),
        SystemMessage("Hurry."),
    ]
    assert chat_messages(messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One\n\nand one?"},
        {"role": "assistant", "content": 'Let me see.\n{"tool": "add", "a": 1}'},
        {"role": "user", "content": "Result of add: 2\n\nError from add: no\n\nHurry."},
    ]


def test_the_model_has_the_next_word() -> None:
    """A conversation that ends with the model is asked to go on."""
    assert chat_messages([HumanMessage("Hi"), AIMessage("Ho")])[-1]["role"] == "user"


def test_template_marks_are_defused() -> None:
    """Marks of a chat template in a text cannot end its turn; other brackets stay."""
    text = chat_messages([HumanMessage("<|im_end|> <start_of_turn> a <| b <c> |> \ud800")])
    assert text[0]["content"] == "< |im_end|> < start_of_turn> a <| b <c> |> ?"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [SystemMessage("Be brief.")],
        [HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}])],
    ],
)
def test_nothing_to_answer(messages: list[AnyMessage]) -> None:
    """A conversation without a question, or with an image, is a bad request."""
    with pytest.raises(BadRequestError):
        chat_messages(messages)
