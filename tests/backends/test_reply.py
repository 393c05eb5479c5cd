"""Stored replies: what is read back is what was said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, message_to_dict

from massgraph.backends.chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ErrorChunk,
    FinishReason,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    ToolCallsChunk,
    UsageChunk,
)
from massgraph.backends.errors import BackendError, RateLimitError, error_class
from massgraph.backends.fold import Turn, fold
from massgraph.backends.reply import (
    REPLY_VERSION,
    ReplyTape,
    Said,
    StoredReply,
    chunk_from_dict,
    chunk_to_dict,
)
from massgraph.backends.reply_table import body_of, reply_of_body
from massgraph.backends.usage import TokenUsage

TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
"""Any text, halves of surrogate pairs among it."""
SECONDS = st.floats(0, 1e6, allow_nan=False)
COUNT = st.integers(0, 10**9)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
USAGE = st.builds(TokenUsage, COUNT, COUNT, COUNT, COUNT, st.none() | SECONDS)
KINDS = ("auth", "rate_limit", "overloaded", "timeout", "bad_request", "connection", "internal")
FINISH: tuple[FinishReason, ...] = ("stop", "tool_calls", "length", "refusal", "other")
CALL = st.fixed_dictionaries(
    {"name": TEXT, "args": OBJECT, "id": st.none() | TEXT, "type": st.just("tool_call")}
)


@st.composite
def messages(draw: st.DrawFn) -> AIMessage:
    """Return a provider's own message, with extras of its own."""
    blocks = st.lists(OBJECT.map(lambda extra: {**extra, "type": "thinking"}), max_size=2)
    return AIMessage(
        content=draw(TEXT | blocks),
        additional_kwargs=draw(OBJECT),
        response_metadata=draw(OBJECT),
        id=draw(st.none() | TEXT),
        tool_calls=draw(st.lists(CALL, max_size=2)),
    )


@st.composite
def errors(draw: st.DrawFn) -> BackendError:
    """Return any provider's error."""
    made = error_class(draw(st.sampled_from(KINDS)))
    status = draw(st.none() | st.integers(100, 599))
    return made(draw(TEXT), retry_after=draw(st.none() | SECONDS), status=status)


DELTA = st.builds(ToolCallDeltaChunk, st.integers(0, 2), st.none() | TEXT, st.none() | TEXT, TEXT)
PIECE = st.builds(ContentChunk, TEXT) | st.builds(ReasoningChunk, TEXT, st.none() | TEXT) | DELTA
WHOLE = (
    st.builds(ToolCallsChunk, st.lists(CALL, max_size=2).map(tuple))
    | st.builds(BuiltinToolResultsChunk, st.lists(OBJECT, max_size=2).map(tuple))
    | st.builds(CompleteMessageChunk, messages())
    | st.builds(AgentStatusChunk, TEXT)
    | st.builds(UsageChunk, USAGE)
)
END = st.builds(DoneChunk, st.sampled_from(FINISH)) | st.builds(ErrorChunk, errors())
CHUNK = PIECE | WHOLE | END


def plain(chunk: StreamChunk) -> Any:
    """Return what two chunks must have in common; errors are equal to themselves alone."""
    if isinstance(chunk, ErrorChunk):
        error = chunk.error
        return type(error), str(error), error.retry_after, error.status
    return chunk


def folded(chunks: list[StreamChunk]) -> Turn | tuple[str, str]:
    """Return the turn that chunks give, or how they fail."""
    try:
        return fold(chunks)
    except BackendError as exc:
        return exc.kind, str(exc)


def read_back(reply: StoredReply) -> StoredReply:
    """Return a reply as it comes out of the table."""
    return reply_of_body(body_of(reply), "it")


@given(CHUNK)
def test_a_chunk_survives(chunk: StreamChunk) -> None:
    """Each kind of chunk comes back from JSON as it went in, whatever text is in it."""
    told = json.loads(json.dumps(chunk_to_dict(chunk)))
    assert plain(chunk_from_dict(told)) == plain(chunk)


@given(st.lists(PIECE | PIECE | WHOLE, max_size=8), END, st.data())
@settings(max_examples=50)
def test_the_tape_gives_the_same_turn(
    chunks: list[StreamChunk], end: StreamChunk, data: st.DataObject
) -> None:
    """However pieces are put together, the turn, its price and its error are the same."""
    now = 0.0
    tape = ReplyTape(lambda: now)
    said = [*chunks, end]
    for chunk in said:
        now += data.draw(st.sampled_from([0.0, 0.03, 0.2]))
        tape.take(chunk)
    stored = read_back(tape.reply())
    assert folded([one.chunk for one in stored.said]) == folded(said)
    times = [one.at_s for one in stored.said]
    assert times == sorted(times)


@given(st.lists(CHUNK, max_size=4), st.integers(0, 9), USAGE)
def test_a_reply_survives(chunks: list[StreamChunk], retries: int, lost: TokenUsage) -> None:
    """Times, retries and what was lost come back with the chunks."""
    said = tuple(Said(number / 8, chunk) for number, chunk in enumerate(chunks))
    back = read_back(StoredReply(said, retries, lost))
    assert (back.retries, back.lost) == (retries, lost)
    assert [(one.at_s, plain(one.chunk)) for one in back.said] == [
        (one.at_s, plain(one.chunk)) for one in said
    ]


def test_pieces_are_put_together() -> None:
    """Pieces of one text within a tenth of a second are one, and no others."""
    times = iter([0.0, 0.0, 0.05, 0.09, 0.3, 0.31, 0.32, 0.33, 0.34])
    tape = ReplyTape(lambda: next(times))
    for chunk in (
        ContentChunk("a"),
        ContentChunk("b"),
        ContentChunk("c"),
        ContentChunk("d"),
        ReasoningChunk("e"),
        ReasoningChunk("", "sealed"),
        ReasoningChunk("f"),
        DoneChunk(),
    ):
        tape.take(chunk)
    assert [one.chunk for one in tape.reply().said] == [
        ContentChunk("abc"),
        ContentChunk("d"),
        ReasoningChunk("e"),
        ReasoningChunk("", "sealed"),
        ReasoningChunk("f"),
        DoneChunk(),
    ]


def test_calls_that_alternate_stay_apart() -> None:
    """Pieces of two calls that come in turn are each put with their own call."""
    tape = ReplyTape(lambda: 0.0)
    said: list[StreamChunk] = [
        ToolCallDeltaChunk(0, "a", "vote"),
        ToolCallDeltaChunk(1, "b", "vote"),
        ToolCallDeltaChunk(0, arguments='{"x":'),
        ToolCallDeltaChunk(0, arguments="1}"),
        ToolCallDeltaChunk(1, arguments="{}"),
        DoneChunk("tool_calls"),
    ]
    for chunk in said:
        tape.take(chunk)
    stored = [one.chunk for one in tape.reply().said]
    assert len(stored) == 3
    assert fold(stored) == fold(said)


def test_a_request_that_is_sent_again_leaves_nothing() -> None:
    """What came before it is forgotten, and the raw response is never kept."""
    tape = ReplyTape(lambda: 0.0)
    tape.take(ContentChunk("half"))
    tape.again()
    tape.take(CompleteResponseChunk(object()))
    tape.take(DoneChunk())
    assert [one.chunk for one in tape.reply(retries=1).said] == [DoneChunk()]


def test_a_raw_response_is_refused() -> None:
    """It may hold anything, so it has no form."""
    with pytest.raises(ValueError, match="raw response"):
        chunk_to_dict(CompleteResponseChunk({}))


def test_what_is_no_json_becomes_text() -> None:
    """Objects of an SDK in a builtin tool's results, or in a message, don't break the store."""
    odd: dict[str, Any] = {"at": object, "raw": b"\xff", "keys": {1: ("a", {2})}, "n": float("nan")}
    chunk = chunk_from_dict(json.loads(json.dumps(chunk_to_dict(BuiltinToolResultsChunk((odd,))))))
    assert isinstance(chunk, BuiltinToolResultsChunk)
    [result] = chunk.builtin_tool_results
    assert result["keys"] == {"1": ["a", "{2}"]}
    assert isinstance(result["raw"], str)
    assert result["n"] != result["n"]
    message = AIMessage("", additional_kwargs={"raw": b"\xff"})
    json.dumps(chunk_to_dict(CompleteMessageChunk(message)))


def test_a_piece_of_a_message_is_a_message() -> None:
    """A message that was put together of LangChain's own pieces comes back whole."""
    whole = AIMessageChunk("a") + AIMessageChunk("b", id="x")
    assert isinstance(whole, AIMessage)
    back = chunk_from_dict(json.loads(json.dumps(chunk_to_dict(CompleteMessageChunk(whole)))))
    assert isinstance(back, CompleteMessageChunk)
    assert (back.complete_message.content, back.complete_message.id) == ("ab", "x")


def test_keys_are_struck_from_errors() -> None:
    """What plainly is a key does not get into a store by an error's text."""
    error = RateLimitError("no more for sk-ant-api03-abcdefghij.", retry_after=2.0, status=429)
    told = chunk_to_dict(ErrorChunk(error))
    assert "abcdefghij" not in json.dumps(told)
    assert told["error"]["message"] == "no more for [redacted]."


GOOD = StoredReply((Said(0.0, DoneChunk()),)).to_dict()


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {**GOOD, "v": REPLY_VERSION + 1},
        {**GOOD, "said": None},
        {**GOOD, "said": [[0.0]]},
        {**GOOD, "said": [["soon", {"type": "done"}]]},
        {**GOOD, "said": [[0.0, 5]]},
        {**GOOD, "said": [[0.0, {"type": "song"}]]},
        {**GOOD, "said": [[0.0, {"type": "done", "key": 1}]]},
        {**GOOD, "said": [[0.0, {"type": "error", "error": {"kind": "odd", "message": ""}}]]},
        {**GOOD, "said": [[0.0, {"type": "usage", "usage": {"dollars": 1}}]]},
        {
            **GOOD,
            "said": [
                [
                    0.0,
                    {
                        "type": "complete_message",
                        "complete_message": message_to_dict(HumanMessage("?")),
                    },
                ]
            ],
        },
        {**GOOD, "lost": {"dollars": 1}},
        {**GOOD, "retries": None},
    ],
)
def test_what_is_no_reply_is_refused(bad: Mapping[str, Any]) -> None:
    """Whatever is not as it was written is a ValueError, never something else."""
    with pytest.raises(ValueError, match="stored reply"):
        StoredReply.from_dict(bad)
