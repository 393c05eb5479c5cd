"""Events of Anthropic's Messages, read as chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from massgraph.backends.builtin import BuiltinToolResult
from massgraph.backends.chunks import (
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    ReasoningChunk,
    StreamChunk,
)
from massgraph.backends.claude.frames import FrameReader
from massgraph.backends.claude.usage import Spent
from massgraph.backends.echo import echoed
from massgraph.backends.errors import IncompleteStreamError, MalformedResponseError
from massgraph.backends.fold import Turn, fold
from massgraph.backends.prices import Tariff

Json = dict[str, Any]
START: Json = {"type": "message_start", "message": {"id": "msg_1", "content": []}}
STOP: Json = {"type": "message_stop"}
ERROR: Json = {"error_code": "unavailable"}
CITED: Json = {"type": "web_search_result_location", "url": "https://a", "title": "A"}


def end(reason: str | None = "end_turn", **more: Any) -> Json:
    """Return the event that says why the model stopped."""
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}}


def block(index: int, content: Json, *deltas: Json) -> list[Json]:
    """Return the events of one block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *said: str, cited: Sequence[Json] = ()) -> list[Json]:
    """Return the events of a block of text."""
    deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in said]
    deltas += [{"type": "citations_delta", "citation": citation} for citation in cited]
    return block(index, {"type": "text", "text": ""}, *deltas)


def use(index: int, kind: str, name: str, *written: str) -> list[Json]:
    """Return the events of a call."""
    start = {"type": kind, "id": f"id{index}", "name": name, "input": {}}
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in written)
    return block(index, start, *deltas)


def read(*events: Json, spent: Spent | None = None) -> list[StreamChunk]:
    """Return the chunks of an answer."""
    spent = spent or Spent(containers_cost=True, container=None)
    tariff = Tariff("claude-sonnet-5", provider="anthropic")
    reader = FrameReader(tariff, writer="claude", digest="d", spent=spent)
    chunks = [chunk for event in events for chunk in reader.read(event)]
    return [*chunks, *reader.done()]


def turn(*events: Json, reason: str = "end_turn") -> Turn:
    """Return the turn that these events make, between a start and an end."""
    return fold(read(START, *events, end(reason), STOP))


def results(*events: Json) -> list[BuiltinToolResult]:
    """Return what the builtin tools have done."""
    found = (c for c in read(START, *events, end(), STOP) if isinstance(c, BuiltinToolResultsChunk))
    return [result for chunk in found for result in chunk.builtin_tool_results]


def kept(*events: Json) -> list[Json] | None:
    """Return the blocks that go back with the next request."""
    for chunk in read(START, *events, end(), STOP):
        if isinstance(chunk, CompleteMessageChunk):
            items = echoed("claude", chunk.complete_message)
            assert items is not None
            assert json.loads(json.dumps(items)) == items
            assert items[0]["behind"] == "d"
            return items[0]["content"]
    return None


# --- text and thinking -------------------------------------------------------------------------


def test_text_and_thinking() -> None:
    """Text and thinking come in pieces, and the signature when the thinking ends."""
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    pieces = [
        {"type": "thinking_delta", "thinking": "H"},
        {"type": "thinking_delta", "thinking": "m"},
        {"type": "signature_delta", "signature": "s1"},
        {"type": "signature_delta", "signature": "s2"},
    ]
    events = [*block(0, thinking, *pieces), *text(1, "Hel", "lo")]
    got = turn(*events)
    assert (got.reasoning, got.text, got.finish_reason) == ("Hm", "Hello", "stop")
    signed = [c for c in read(START, *events, end(), STOP) if isinstance(c, ReasoningChunk)]
    assert signed[-1] == ReasoningChunk("", signature="s1s2")
    assert kept(*events) == [
        {"type": "thinking", "thinking": "Hm", "signature": "s1s2"},
        {"type": "text", "text": "Hello"},
    ]


def test_thinking_that_is_not_shown_goes_back() -> None:
    """Hidden thinking is nothing to read, but it goes back, word for word."""
    hidden = {"type": "redacted_thinking", "data": "x"}
    silent = {"type": "thinking", "thinking": "", "signature": "s"}
    events = [*block(0, hidden), *block(1, silent), *text(2, "Yes")]
    assert turn(*events).reasoning == ""
    assert kept(*events) == [hidden, silent, {"type": "text", "text": "Yes"}]


def test_plain_text_needs_no_echo() -> None:
    """What is only text and calls goes back as such, without a copy of it in the state."""
    assert kept(*text(0, "Hi"), *use(1, "tool_use", "f", "{}")) is None


def test_blank_text_does_not_go_back() -> None:
    """The API refuses blank text, though it sends it."""
    hidden = {"type": "redacted_thinking", "data": "x"}
    assert kept(*block(0, hidden), *text(1, "\n\n"), *text(2, "Yes")) == [
        hidden,
        {"type": "text", "text": "Yes"},
    ]


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("something_new", "other"),
    ],
)
def test_finish_reasons(reason: str, ours: str) -> None:
    """Each stop reason has one of ours; an unknown one is `other`."""
    assert turn(*text(0, "x"), reason=reason).finish_reason == ours


def test_calls_that_end_like_text() -> None:
    """A server that calls a tool and says `end_turn` means tool_calls."""
    assert turn(*use(0, "tool_use", "f", "")).finish_reason == "tool_calls"


@pytest.mark.parametrize(("said", "whole"), [((), "No."), (("I ",), "I \n\nNo.")])
def test_a_refusal_is_explained(said: tuple[str, ...], whole: str) -> None:
    """The explanation of a refusal is text, and nothing of it goes back."""
    ending = end("refusal", stop_details={"type": "refusal", "explanation": "No."})
    hidden = block(9, {"type": "redacted_thinking", "data": "x"})
    chunks = read(START, *hidden, *(text(0, *said) if said else ()), ending, STOP)
    got = fold(chunks)
    assert (got.text, got.finish_reason) == (whole, "refusal")
    assert not any(isinstance(chunk, CompleteMessageChunk) for chunk in chunks)


# --- calls -------------------------------------------------------------------------------------


def test_several_calls_at_once() -> None:
    """Calls may be interleaved; a call without arguments has none."""
    first, second = use(0, "tool_use", "f", '{"x"', ": 1}"), use(1, "tool_use", "g")
    got = turn(first[0], second[0], *first[1:], *second[1:], reason="tool_use")
    assert [(c["name"], c["args"], c["id"]) for c in got.tool_calls] == [
        ("f", {"x": 1}, "id0"),
        ("g", {}, "id1"),
    ]


def test_arguments_that_come_whole() -> None:
    """A server may send the arguments with the start of the call."""
    start = {"type": "tool_use", "id": "a", "name": "f", "input": {"größe": 1}}
    assert turn(*block(0, start)).tool_calls[0]["args"] == {"größe": 1}


ARGUMENTS = st.dictionaries(
    st.text(max_size=5), st.text(max_size=9) | st.integers() | st.lists(st.booleans()), max_size=4
)


@given(args=ARGUMENTS, cuts=st.lists(st.integers(0, 60), max_size=8), thinks=st.booleans())
def test_arguments_cut_anywhere(args: Json, cuts: list[int], thinks: bool) -> None:
    """Wherever the JSON is cut, the arguments are the same, also in what goes back."""
    written = json.dumps(args, ensure_ascii=False)
    places = sorted({0, len(written), *(min(cut, len(written)) for cut in cuts)})
    pieces = [written[a:b] for a, b in pairwise(places)]
    before = block(0, {"type": "redacted_thinking", "data": "x"}) if thinks else []
    events = [*before, *use(1, "tool_use", "f", "", *pieces)]
    assert turn(*events).tool_calls[0]["args"] == args
    back = kept(*events)
    assert (back is not None) == thinks
    assert back is None or back[1]["input"] == args


@pytest.mark.parametrize(
    ("reason", "words"), [("tool_use", "not valid JSON"), ("max_tokens", "cut off at the token")]
)
def test_arguments_that_are_broken(reason: str, words: str) -> None:
    """Broken arguments are never taken for none."""
    with pytest.raises(MalformedResponseError, match=words):
        turn(*use(0, "tool_use", "f", '{"x": "a'), reason=reason)


@pytest.mark.parametrize("written", ['{"qu', "[1]"])
def test_a_message_that_cannot_go_back(written: str) -> None:
    """What is broken in a builtin call cannot be sent back; the text is there all the same."""
    events = [*use(0, "server_tool_use", "web_search", written), *text(1, "Hi")]
    assert kept(*events) is None
    assert turn(*events).text == "Hi"


# --- builtin tools -----------------------------------------------------------------------------


def served(name: str, args: Json, content: Any, kind: str | None = None) -> Iterator[Json]:
    """Yield the use of a builtin tool, and its result."""
    yield from use(0, "server_tool_use", name, json.dumps(args))
    result = {"type": kind or f"{name}_tool_result", "tool_use_id": "id0", "content": content}
    yield from block(1, result)


PAGE = {"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "x"}
DOCUMENT = {"source": {"type": "text", "data": "said " * 900}, "title": "T"}
RAN = {"stdout": "1\n", "stderr": "", "return_code": 0, "content": []}


@pytest.mark.parametrize(
    ("name", "args", "content", "expected"),
    [
        (
            "web_search",
            {"query": "q"},
            [PAGE],
            {
                "type": "web_search",
                "queries": ["q"],
                "sources": [{"url": "https://a", "title": "A"}],
            },
        ),
        ("web_search", {}, [], {"type": "web_search", "sources": []}),
        (
            "web_search",
            {"query": "q"},
            {"type": "web_search_tool_result_error", **ERROR},
            {"type": "web_search", "queries": ["q"], "error": "unavailable"},
        ),
        (
            "web_fetch",
            {"url": "https://p"},
            {"type": "web_fetch_result", "url": "https://p", "content": DOCUMENT},
            {
                "type": "url_context",
                "sources": [{"url": "https://p", "title": "T", "text": ("said " * 900)[:2000]}],
            },
        ),
        (
            "web_fetch",
            {},
            {"type": "web_fetch_tool_result_error", **ERROR},
            {"type": "url_context", "error": "unavailable"},
        ),
        (
            "code_execution",
            {"code": "print(1)"},
            RAN,
            {"type": "code_execution", "code": "print(1)", "output": "1\n"},
        ),
        (
            "bash_code_execution",
            {"command": "false"},
            {"stdout": "", "stderr": "Oh.", "return_code": 1},
            {
                "type": "code_execution",
                "code": "false",
                "output": "Oh.",
                "error": "exit code 1",
            },
        ),
        (
            "code_execution",
            {"code": "search()"},
            {"encrypted_stdout": "x", "stderr": "", "return_code": 0},
            {"type": "code_execution", "code": "search()", "output": ""},
        ),
        (
            "text_editor_code_execution",
            {"command": "view", "path": "/a"},
            {"type": "text_editor_code_execution_view_result", "content": "line"},
            {
                "type": "code_execution",
                "code": '{"command": "view", "path": "/a"}',
                "output": "line",
            },
        ),
        (
            "text_editor_code_execution",
            {"command": "view", "path": "/a"},
            {"error_code": "file_not_found", "error_message": "No file."},
            {
                "type": "code_execution",
                "code": '{"command": "view", "path": "/a"}',
                "error": "No file.",
            },
        ),
        ("something_new", {"a": 1}, {"b": 2}, {"type": "other"}),
    ],
)
def test_builtin_results(name: str, args: Json, content: Any, expected: Json) -> None:
    """Each result tells what was asked and what was found, or why not; all of it goes back."""
    events = [*served(name, args, content)]
    assert results(*events) == [{"id": "id0", "name": name, **expected}]
    back = kept(*events)
    assert back is not None
    assert (back[0]["input"], back[1]["content"]) == (args, content)


def test_the_use_is_told_while_it_runs() -> None:
    """A builtin tool may take long: its use is told when it begins."""
    said = [chunk.type for chunk in read(START, *served("web_search", {}, []), end(), STOP)]
    assert said[0] == "agent_status"


def test_citations_count_once() -> None:
    """A page is cited once in a message, when its text ends; documents have no page to name."""
    part = {"type": "char_location", "document_index": 0, "cited_text": "b"}
    found = {"type": "search_result_location", "source": "https://b", "cited_text": "b"}
    events = [*text(0, "a", cited=[CITED, CITED, part]), *text(1, "b", cited=[CITED, found])]
    assert results(*events) == [
        {"type": "citation", "sources": [{"url": "https://a", "title": "A"}]},
        {"type": "citation", "sources": [{"url": "https://b", "text": "b"}]},
    ]
    back = kept(*events)
    assert back is not None
    assert back[0]["citations"] == [CITED, CITED, part]


# --- usage -------------------------------------------------------------------------------------


def usage_of(first: Json, last: Json, **more: Any) -> Any:
    """Return the last usage of an answer with these figures."""
    spent = Spent(**{"containers_cost": True, "container": None, **more})
    begun = {"type": "message_start", "message": {"usage": first}}
    ended = {**end(container={"id": "c1"} if more else None), "usage": last}
    return fold(read(begun, *text(0, "x"), ended, STOP, spent=spent)).usage


def test_usage() -> None:
    """Cached tokens are part of the input, thinking part of the output, as everywhere else."""
    first = {"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30}
    first |= {"cache_creation": {"ephemeral_1h_input_tokens": 30}, "output_tokens": 1}
    last = {"output_tokens": 20, "output_tokens_details": {"thinking_tokens": 5}}
    last |= {"input_tokens": None, "server_tool_use": {"web_search_requests": 2}}
    got = usage_of(first, last)
    assert (got.input_tokens, got.cached_tokens) == (100, 60)
    assert (got.output_tokens, got.reasoning_tokens) == (20, 5)
    tokens = (10 * 2 + 60 * 0.2 + 30 * 4 + 20 * 10) / 1e6
    assert got.estimated_cost == pytest.approx(tokens + 2 * 0.01)


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("service_tier", "standard", True),
        ("service_tier", "priority", False),
        ("speed", "fast", False),
        ("inference_geo", "global", True),
        ("inference_geo", "us", False),
    ],
)
def test_a_price_that_is_not_on_the_list(name: str, value: str, known: bool) -> None:
    """What costs more or less than the list says has no price that is known."""
    figures: Json = {"input_tokens": 9, "output_tokens": 9}
    assert (usage_of({**figures, name: value}, figures).estimated_cost is not None) == known


def test_containers_are_paid_for_once() -> None:
    """Code costs its container, unless that was paid for before, or a web tool pays for it."""
    figures: Json = {"input_tokens": 0, "output_tokens": 0}
    assert usage_of(figures, figures, container=None).estimated_cost == pytest.approx(0.05 / 12)
    assert usage_of(figures, figures, container="c1").estimated_cost == 0
    assert usage_of(figures, figures, containers_cost=False).estimated_cost == 0


# --- what is no answer -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="nothing"),
        pytest.param([START, *text(0, "x"), end()], id="no-stop"),
        pytest.param([START], id="start-alone"),
    ],
)
def test_a_stream_that_just_ends(events: list[Json]) -> None:
    """An answer without its last event is never taken for a short one."""
    with pytest.raises(IncompleteStreamError):
        read(*events)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(text(0, "x"), id="no-message"),
        pytest.param([START, text(0, "x")[1]], id="no-block"),
        pytest.param([START, text(0, "x")[2]], id="end-of-nothing"),
        pytest.param([START, *text(0, "\ud83d")], id="half-a-character"),
        pytest.param(
            [START, *block(0, {"type": "redacted_thinking", "data": "\udc00"})], id="half"
        ),
        pytest.param([START, {"type": "content_block_start", "content_block": 3}], id="type"),
        pytest.param(
            [{"type": "message_start", "message": {"usage": {"input_tokens": "x"}}}], id="n"
        ),
    ],
)
def test_what_does_not_fit(events: list[Json]) -> None:
    """Events that do not fit, or have the wrong type, are refused."""
    with pytest.raises((MalformedResponseError, ValidationError)):
        read(*events, end(), STOP)


def test_what_is_unknown_is_passed_over() -> None:
    """Events, blocks, pieces and keys of the future do no harm; blocks go back."""
    future = {"type": "hologram", "data": 1}
    events = [
        {"type": "ping"},
        {"type": "aurora", "message": "green", "index": None, "delta": 3},
        *block(0, future, {"type": "hologram_delta", "x": 1}),
        *text(1, "Hi"),
    ]
    assert turn(*events).text == "Hi"
    assert kept(*events) == [future, {"type": "text", "text": "Hi"}]
