"""The fold: any way to cut a turn into chunks gives the same turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, ToolCall

from massgraph.backends.chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from massgraph.backends.errors import IncompleteStreamError, MalformedResponseError, RateLimitError
from massgraph.backends.fold import TurnFold, fold
from massgraph.backends.usage import TokenUsage

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
arguments = st.dictionaries(texts, values, max_size=3)
calls = st.lists(st.tuples(st.sampled_from(["vote", "new_answer", "f"]), arguments), max_size=4)
Draw = Callable[[st.SearchStrategy[Any]], Any]


def cut(draw: Draw, text: str) -> list[str]:
    """Return the text in pieces, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def chunked(draw: Draw) -> tuple[str, str, list[tuple[str, dict[str, Any]]], list[StreamChunk]]:
    """Draw a turn, and one of the ways to stream it."""
    text, reasoning, made = draw(texts), draw(texts), draw(calls)
    lanes: list[list[StreamChunk]] = [
        [ContentChunk(piece) for piece in cut(draw, text)],
        [ReasoningChunk(piece) for piece in cut(draw, reasoning)],
    ]
    heads: list[StreamChunk] = []
    for index, (name, args) in enumerate(made):
        first, *rest = cut(draw, json.dumps(args, ensure_ascii=draw(st.booleans())))
        heads.append(ToolCallDeltaChunk(index, id=f"id{index}", name=name, arguments=first))
        # Some servers repeat what they said at the start, in every piece.
        again = {"id": f"id{index}", "name": name} if draw(st.booleans()) else {}
        lanes.append([ToolCallDeltaChunk(index, **again, arguments=piece) for piece in rest])
    chunks = heads  # calls begin in their order; all else may come between one another
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        chunks.append(lane.pop(0))
    return text, reasoning, made, [*chunks, DoneChunk("stop")]


@given(chunked())
def test_any_chunking_gives_the_same_turn(turn: Any) -> None:
    """Text, reasoning and calls come out as they went in, however they were cut and mixed."""
    text, reasoning, made, chunks = turn
    folded = fold(chunks)
    assert folded.text == text
    assert folded.reasoning == reasoning
    assert [(call["name"], call["args"]) for call in folded.tool_calls] == made
    assert [call["id"] for call in folded.tool_calls] == [f"id{n}" for n in range(len(made))]


@given(calls)
def test_calls_without_index_and_id(made: list[tuple[str, dict[str, Any]]]) -> None:
    """Whole calls that all have the index 0 and no id are told apart by their names."""
    chunks: list[StreamChunk] = [
        ToolCallDeltaChunk(0, name=name, arguments=json.dumps(args)) for name, args in made
    ]
    folded = fold([*chunks, DoneChunk()])
    assert [(call["name"], call["args"]) for call in folded.tool_calls] == made
    assert len({call["id"] for call in folded.tool_calls}) == len(made)


def test_ids_that_are_not_unique() -> None:
    """Two calls with one id get ids of their own, or their results could not be told apart."""
    chunks = [ToolCallDeltaChunk(index, id="x", name="f", arguments="{}") for index in (0, 1)]
    ids = [call["id"] for call in fold([*chunks, DoneChunk()]).tool_calls]
    assert ids == ["x", "x_"]


def test_a_fresh_id_in_every_piece() -> None:
    """A new id without a name goes on with the same call."""
    chunks = [
        ToolCallDeltaChunk(0, id="a", name="f", arguments='{"x": '),
        ToolCallDeltaChunk(0, id="b", arguments="1}"),
    ]
    (call,) = fold([*chunks, DoneChunk()]).tool_calls
    assert (call["id"], call["args"]) == ("a", {"x": 1})


def test_a_call_without_arguments() -> None:
    """No arguments at all are empty arguments."""
    (call,) = fold([ToolCallDeltaChunk(0, id="a", name="f"), DoneChunk()]).tool_calls
    assert call["args"] == {}


def test_whole_calls() -> None:
    """Whole calls are taken as they are, and replace the pieces of the same call."""
    whole = ToolCall(name="f", args={"x": 2}, id="a", type="tool_call")
    other = ToolCall(name="g", args={}, id="b", type="tool_call")
    chunks: list[StreamChunk] = [
        ToolCallDeltaChunk(0, id="a", name="f", arguments='{"x"'),
        ToolCallsChunk((whole, other)),
        DoneChunk("tool_calls"),
    ]
    assert fold(chunks).tool_calls == (whole, other)


@pytest.mark.parametrize("text", ['{"x": ', "[1]", '"x"', "7", "null", '{"x": NaN}', "{}{}"])
def test_arguments_that_are_no_object(text: str) -> None:
    """Arguments that are not one JSON object are malformed."""
    with pytest.raises(MalformedResponseError, match="'f'"):
        fold([ToolCallDeltaChunk(0, id="a", name="f", arguments=text), DoneChunk()])


def test_arguments_with_half_a_character() -> None:
    """Half a surrogate pair could be neither stored nor shown, and is malformed."""
    with pytest.raises(MalformedResponseError):
        fold([ToolCallDeltaChunk(0, id="a", name="f", arguments='{"x": "\\ud83d"}'), DoneChunk()])
    whole = '{"x": "\\ud83d\\ude42"}'
    turn = fold([ToolCallDeltaChunk(0, id="a", name="f", arguments=whole), DoneChunk()])
    assert turn.tool_calls[0]["args"] == {"x": "🙂"}


def test_arguments_cut_off_at_the_limit_say_so() -> None:
    """Arguments that end at the token limit are told from those that are just wrong."""
    with pytest.raises(MalformedResponseError, match="cut off at the token limit"):
        fold([ToolCallDeltaChunk(0, id="a", name="f", arguments="{"), DoneChunk("length")])


def test_a_call_without_a_name() -> None:
    """A call that never gets a name is malformed."""
    with pytest.raises(MalformedResponseError, match="name"):
        fold([ToolCallDeltaChunk(0, id="a", arguments="{}"), DoneChunk()])


def test_no_done() -> None:
    """Without its done, a turn is not complete."""
    with pytest.raises(IncompleteStreamError):
        fold([ContentChunk("half an answ")])


def test_an_error_is_raised() -> None:
    """An error chunk raises its error."""
    error = RateLimitError("Slower.")
    with pytest.raises(RateLimitError) as caught:
        fold([ContentChunk("x"), ErrorChunk(error)])
    assert caught.value is error


def test_the_last_usage_counts() -> None:
    """Usage may come several times; the last one is that of the call."""
    usages = [UsageChunk(TokenUsage(output_tokens=number)) for number in (1, 5)]
    assert fold([*usages, DoneChunk()]).usage == TokenUsage(output_tokens=5)
    assert fold([DoneChunk()]).usage is None


def test_what_is_not_the_turn_itself() -> None:
    """Statuses and raw responses are no part of a turn; results and an echoed message are."""
    message = AIMessage("x", additional_kwargs={"vendor": 1})
    turn = fold(
        [
            AgentStatusChunk("searching"),
            BuiltinToolResultsChunk(({"type": "web_search"},)),
            CompleteResponseChunk(object()),
            ContentChunk("x"),
            CompleteMessageChunk(message),
            DoneChunk(),
        ]
    )
    assert turn.text == "x"
    assert turn.builtin_tool_results == ({"type": "web_search"},)
    assert turn.message is message


def test_the_message_to_echo() -> None:
    """Without a message of the provider's own, text and calls make one."""
    turn = fold(
        [ContentChunk("x"), ToolCallDeltaChunk(0, id="a", name="f", arguments="{}"), DoneChunk()]
    )
    assert turn.message.text == "x"
    assert turn.message.tool_calls == list(turn.tool_calls)


def test_watching_a_call_while_it_is_written() -> None:
    """The name of a call, and the characters so far, are there before the turn is complete."""
    state = TurnFold()
    assert state.writing(0) == ""
    state.add(ContentChunk("four"))
    state.add(ToolCallDeltaChunk(0, id="a", name="f", arguments='{"x'))
    assert state.writing(0) == "f"
    assert state.called == ("f",)
    assert state.chars == 7


@pytest.mark.parametrize(
    "chunk",
    [
        ContentChunk("half \ud83d"),
        ToolCallDeltaChunk(0, id="a", name="say", arguments='{"what": "half \\ud83d"}'),
        ToolCallsChunk(
            ({"name": "say", "args": {"what": "half \ud83d"}, "id": "a", "type": "tool_call"},)
        ),
    ],
    ids=["text", "delta", "whole"],
)
def test_half_a_character_is_malformed(chunk: StreamChunk) -> None:
    """What can't be sent or stored is refused where it comes in."""
    with pytest.raises(MalformedResponseError):
        fold([chunk, DoneChunk()])
