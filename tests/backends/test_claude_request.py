"""Requests to Anthropic's Messages: the conversation, its cache markers, what goes back."""

from __future__ import annotations

import json
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
from massgraph.backends.claude.request import request, resumed
from massgraph.backends.echo import echo
from massgraph.backends.errors import BadRequestError
from massgraph.backends.prefix import with_tail

MARK = {"type": "ephemeral"}
TOOL = ToolSchema("vote", "Votes.", {"type": "object", "properties": {}})
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "s1"}


def text(said: str, *, mark: bool = False) -> dict[str, Any]:
    """Return a block of text, with a cache marker or without."""
    block: dict[str, Any] = {"type": "text", "text": said}
    return {**block, "cache_control": MARK} if mark else block


def call(call_id: str, name: str = "f", **args: Any) -> ToolCall:
    """Return a tool call."""
    return ToolCall(name=name, args=args, id=call_id, type="tool_call")


def body(*messages: AnyMessage, bound: bool = False, **params: Any) -> dict[str, Any]:
    """Return the body of a request with these messages."""
    return request("m", messages, [TOOL], params, writer="claude", bound=bound).body


def sent(*messages: AnyMessage, bound: bool = False) -> list[dict[str, Any]]:
    """Return the messages of a request, without cache markers."""
    plain = json.loads(json.dumps(body(*messages, bound=bound)["messages"]))
    for message in plain:
        for block in message["content"]:
            block.pop("cache_control", None)
    return plain


def own(*content: dict[str, Any], behind: str = "", calls: tuple[ToolCall, ...] = ()) -> AIMessage:
    """Return a message that Claude wrote."""
    kept = {"content": list(content), "behind": behind, "container": "c1"}
    return echo("claude", [kept], "said", calls)


# --- the body ----------------------------------------------------------------------------------


def test_the_body() -> None:
    """The builtin tools stand first, then ours in their order; None leaves a key out."""
    search = {"type": "web_search_20250305", "name": "web_search"}
    got = body(SystemMessage("S"), HumanMessage("q"), tools=[search], max_tokens=9, speed=None)
    assert got == {
        "model": "m",
        "tools": [
            search,
            {
                "name": "vote",
                "input_schema": {"type": "object", "properties": {}},
                "description": "Votes.",
                "eager_input_streaming": True,
            },
        ],
        "system": [text("S", mark=True)],
        "messages": [{"role": "user", "content": [text("q", mark=True)]}],
        "max_tokens": 9,
        "stream": True,
    }
    assert "tools" not in request("m", [HumanMessage("q")], [], {}, writer="", bound=False).body


# --- the conversation --------------------------------------------------------------------------


def test_roles_alternate() -> None:
    """Neighbours of one role become one message, and nothing blank is sent."""
    assert sent(
        HumanMessage("a"), HumanMessage("b"), HumanMessage(" \n"), AIMessage("c"), AIMessage(""),
        AIMessage("d"), HumanMessage("e"),
    ) == [
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
        {"role": "user", "content": [text("e")]},
    ]  # fmt: skip


def test_results_come_first_and_together() -> None:
    """The results of one step stand in one message, before everything else that is said there."""
    got = sent(
        HumanMessage("q"),
        AIMessage("Let me see.", tool_calls=[call("a", x=1), call("b")]),
        ToolMessage("1", tool_call_id="a"),
        HumanMessage("Hurry."),
        ToolMessage("Oh no.", tool_call_id="b", status="error"),
    )
    assert got[1]["content"] == [
        text("Let me see."),
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {}},
    ]
    assert got[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {"type": "tool_result", "tool_use_id": "b", "is_error": True, "content": "Oh no."},
        text("Hurry."),
    ]


def test_empty_results() -> None:
    """An empty result has no content; an error must have some."""
    *_, last = sent(
        HumanMessage("q"),
        AIMessage("", tool_calls=[call("a"), call("b")]),
        ToolMessage("", tool_call_id="a"),
        ToolMessage("", tool_call_id="b", status="error"),
    )
    assert last["content"][0] == {"type": "tool_result", "tool_use_id": "a"}
    assert last["content"][1]["content"] == "The tool failed."


def test_ids_of_other_providers() -> None:
    """Ids fit the API's pattern, each but once in a conversation, and results name the same."""
    got = sent(
        HumanMessage("q"),
        AIMessage("", tool_calls=[call("call:0|fc.1"), call("call_0")]),
        ToolMessage("1", tool_call_id="call:0|fc.1"),
        ToolMessage("2", tool_call_id="call_0"),
        AIMessage("", tool_calls=[call("call_0"), call("")]),
        ToolMessage("3", tool_call_id="call_0"),
        ToolMessage("4", tool_call_id=""),
    )
    uses = [b["id"] for m in got for b in m["content"] if b["type"] == "tool_use"]
    results = [b["tool_use_id"] for m in got for b in m["content"] if b["type"] == "tool_result"]
    assert uses == results == ["call_0_fc_1", "call_0", "call_0_2", "call"]


def test_calls_that_did_not_parse() -> None:
    """A call with malformed arguments goes back as an object, so that it can be answered."""
    bad = InvalidToolCall(name="f", args="{oops", id="c1", error="", type="invalid_tool_call")
    used = sent(HumanMessage("q"), AIMessage("", invalid_tool_calls=[bad]))[1]["content"][0]
    assert used["input"] == {"INVALID_JSON": "{oops"}


@pytest.mark.parametrize(
    ("block", "wire"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            {"type": "base64", "media_type": "image/png", "data": "AA=="},
        ),
        (
            {"type": "image_url", "image_url": "https://e.org/a.png"},
            {"type": "url", "url": "https://e.org/a.png"},
        ),
        (
            {"type": "image", "base64": "AA==", "mime_type": "image/png"},
            {"type": "base64", "media_type": "image/png", "data": "AA=="},
        ),
        (
            {"type": "image", "url": "https://e.org/a.png"},
            {"type": "url", "url": "https://e.org/a.png"},
        ),
        (
            {"type": "image", "source": {"type": "file", "file_id": "f"}},
            {"type": "file", "file_id": "f"},
        ),
    ],
)
def test_images(block: dict[str, Any], wire: dict[str, Any]) -> None:
    """A question may hold images beside text, in any form that LangChain has."""
    [message] = sent(HumanMessage(["Look:", block, {"type": "text", "text": ""}]))
    assert message["content"] == [text("Look:"), {"type": "image", "source": wire}]


def test_files() -> None:
    """A PDF is a document."""
    block = {"type": "file", "base64": "AA==", "mime_type": "application/pdf"}
    [message] = sent(HumanMessage([block]))
    assert message["content"][0]["type"] == "document"


@pytest.mark.parametrize(
    "message",
    [ChatMessage(content="x", role="critic"), HumanMessage([{"type": "audio", "base64": "AA=="}])],
)
def test_what_the_protocol_does_not_have(message: AnyMessage) -> None:
    """A message, or a block, of another kind is refused, and not bent into a known one."""
    with pytest.raises(BadRequestError, match="cannot be sent to Claude"):
        body(message)


# --- what goes back ----------------------------------------------------------------------------


def test_own_messages_go_back_as_they_came() -> None:
    """Blocks of a message that Claude wrote are sent word for word, with its own ids."""
    used = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
    blocks = [THOUGHT, {"type": "redacted_thinking", "data": "x"}, used]
    got = sent(
        HumanMessage("q"),
        own(*blocks, calls=(call("toolu_1", a=1),)),
        ToolMessage("r", tool_call_id="toolu_1"),
    )
    assert got[1]["content"] == blocks
    assert got[2]["content"][0]["tool_use_id"] == "toolu_1"


def test_messages_of_others_go_as_plain_text() -> None:
    """What another server wrote is its text and its calls: its signatures mean nothing here."""
    other = echo("claude at http://127.0.0.1:1", [{"content": [THOUGHT]}], "said", ())
    assert sent(HumanMessage("q"), other)[1]["content"] == [text("said")]


def test_bound_thinking_goes_back_behind_the_same_request_alone() -> None:
    """Thinking that is bound stays behind as soon as tools, system or messages are others."""
    asked = [SystemMessage("S"), HumanMessage("q")]
    first = request("m", asked, [TOOL], {}, writer="claude", bound=True)
    said = own(THOUGHT, text("said"), behind=first.digest)
    went_on = [*asked, said, HumanMessage("more")]

    def thinks(messages: list[AnyMessage], tools: list[ToolSchema], *, bound: bool = True) -> bool:
        again = request("m", messages, tools, {}, writer="claude", bound=bound)
        return THOUGHT in again.body["messages"][1]["content"]

    assert thinks(went_on, [TOOL])
    assert not thinks(went_on, [])
    assert not thinks([SystemMessage("T"), *went_on[1:]], [TOOL])
    assert not thinks([SystemMessage("S"), HumanMessage("p"), said, HumanMessage("more")], [TOOL])
    assert thinks(went_on, [], bound=False)


def test_thinking_of_a_second_step_is_bound_to_the_first() -> None:
    """Each step's thinking goes back as long as all before it does."""
    asked: list[AnyMessage] = [HumanMessage("q")]
    for step in range(3):
        made = request("m", asked, [TOOL], {}, writer="claude", bound=True)
        sure = [b for m in made.body["messages"] for b in m["content"] if b["type"] == "thinking"]
        assert len(sure) == step
        used = {"type": "tool_use", "id": f"t{step}", "name": "f", "input": {}}
        said = own(THOUGHT, used, behind=made.digest, calls=(call(f"t{step}"),))
        asked += [said, ToolMessage("r", tool_call_id=f"t{step}")]


def test_the_container_goes_with_its_conversation() -> None:
    """Code goes on in the container it ran in, but not in that of another conversation."""
    first = request("m", [HumanMessage("q")], [], {}, writer="claude", bound=False)
    said = own(text("said"), behind=first.digest)
    again = request("m", [HumanMessage("q"), said], [], {}, writer="claude", bound=False)
    assert (again.body["container"], again.container) == ("c1", "c1")
    other = request("m", [HumanMessage("p"), said], [], {}, writer="claude", bound=False)
    assert "container" not in other.body


def test_a_resumed_request() -> None:
    """A request that goes on is the one before with what was said at its end; that one stays."""
    before = body(HumanMessage("q"))
    after = resumed(before, [THOUGHT], "c2")
    assert after["messages"][-1] == {"role": "assistant", "content": [THOUGHT]}
    assert after["container"] == "c2"
    assert len(before["messages"]) == 1


# --- cache markers -----------------------------------------------------------------------------


def marked(got: dict[str, Any]) -> list[str]:
    """Return the text of the blocks that carry a cache marker."""
    blocks = [*got.get("system", ()), *(b for m in got["messages"] for b in m["content"])]
    return [b.get("text") or b["type"] for b in blocks if "cache_control" in b]


def test_markers_of_a_turn() -> None:
    """Markers stand behind the system, behind what stays, and behind a transcript that grows."""
    asked: list[AnyMessage] = [SystemMessage("S"), with_tail("The question", ["The answers"])]
    got = body(*asked)
    assert marked(got) == ["S", "The question"]
    assert [b["text"] for b in got["messages"][0]["content"]] == ["The question", "\n\nThe answers"]
    step = [AIMessage("", tool_calls=[call("a")]), ToolMessage("r", tool_call_id="a")]
    assert marked(body(*asked, *step)) == ["S", "The question", "tool_result"]


def test_no_marker_on_thinking() -> None:
    """The API refuses a marker on thinking: there is none then."""
    assert marked(body(HumanMessage("q"), own(THOUGHT))) == []


def test_the_prefix_is_the_same_byte_for_byte() -> None:
    """Between two rounds nothing before the answers changes, markers aside nothing at all."""

    def prefix(*shown: str) -> str:
        question = with_tail("The question", list(shown))
        got = body(SystemMessage("S"), HumanMessage("old"), AIMessage("said"), question)
        content = got["messages"][-1]["content"]
        return json.dumps(
            [got["model"], got["tools"], got["system"], got["messages"][:-1], content[0]]
        )

    assert prefix("First.") == prefix("Answers: a, b") == prefix("Answers: c", "Ballots")
