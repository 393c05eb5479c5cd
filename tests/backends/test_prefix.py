"""What of a request stays, and where cache markers belong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from massgraph.backends.chat.request import request_body
from massgraph.backends.local.messages import chat_messages
from massgraph.backends.prefix import STABLE, cache_points, split_stable, with_tail

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SYSTEM, MARKED = SystemMessage("Be kind."), with_tail("Why?", ["Answers.", "Now."])
CALLS = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1"}])
RESULT = ToolMessage("Found.", tool_call_id="1")


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content}


def test_a_marked_message_holds_the_plain_text() -> None:
    """What an adapter sends that knows of no marks: the paragraphs, and nothing else."""
    assert MARKED.content == "Why?\n\nAnswers.\n\nNow."
    sent = json.dumps(request_body("m", [SYSTEM, MARKED], [], {}))
    assert STABLE not in sent
    assert request_body("m", [MARKED], [], {})["messages"] == [
        {"role": "user", "content": "Why?\n\nAnswers.\n\nNow."}
    ]
    assert chat_messages([MARKED]) == [{"role": "user", "content": MARKED.content}]
    assert STABLE not in json.dumps(convert_to_openai_messages([MARKED]))


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_the_parts_of_a_text_are_the_text(stable: str, tail: list[str]) -> None:
    """Nothing is lost or added, and what stays is exactly the text that was given."""
    message = with_tail(stable, tail)
    first, rest = split_stable(message)
    assert "".join(block["text"] for block in (*first, *rest)) == message.content
    assert first == ([text(stable)] if stable else [])


@given(st.text(min_size=1))
def test_what_stays_is_the_same_block_in_the_history(question: str) -> None:
    """A question is one block, whether answers stand behind it, or it was asked before."""
    stays, _ = split_stable(with_tail(question, ["Answers."]))
    _, later = split_stable(HumanMessage(question))
    assert stays == later


def test_blocks_stay_blocks() -> None:
    """An image of a question stays where it is, and what follows is split off behind it."""
    message = with_tail([text("What is this?"), IMAGE, "Say."], ["Answers."])
    first, rest = split_stable(message)
    assert (first, rest) == ([text("What is this?"), IMAGE, text("Say.")], [text("Answers.")])
    assert split_stable(HumanMessage([IMAGE])) == ([], [IMAGE])
    assert split_stable(AIMessage("")) == ([], [])


def test_the_mark_survives_a_checkpoint() -> None:
    """A stored message is split like the one that was stored."""
    serde = JsonPlusSerializer()
    stored = serde.loads_typed(serde.dumps_typed(MARKED))
    assert split_stable(stored) == split_stable(MARKED) != ([], [text(MARKED.text)])


@pytest.mark.parametrize(
    ("messages", "points"),
    [
        ([SYSTEM, MARKED], [(0, None), (1, 1)]),
        ([MARKED], [(0, 1)]),
        ([SYSTEM, with_tail("Why?", [])], [(0, None), (1, None)]),
        ([SYSTEM, HumanMessage("Hi."), AIMessage("Hi."), MARKED], [(0, None), (3, 1)]),
        ([SYSTEM, SYSTEM, MARKED, CALLS, RESULT], [(1, None), (2, 1), (4, None)]),
        ([SYSTEM, MARKED, CALLS, RESULT, MARKED], [(0, None), (4, 1)]),
        ([SYSTEM, with_tail([text("A"), IMAGE], ["B"])], [(0, None), (1, 2)]),
        ([SYSTEM, HumanMessage("Hi.")], [(0, None), (1, None)]),
        ([HumanMessage("Hi."), SYSTEM], [(1, None)]),
        ([SYSTEM], [(0, None)]),
        ([], []),
    ],
)
def test_where_markers_belong(messages: list[AnyMessage], points: list[tuple[int, int]]) -> None:
    """Behind the system, behind what stays of the question, behind what has come since."""
    assert cache_points(messages) == points
    assert len(points) <= 3
