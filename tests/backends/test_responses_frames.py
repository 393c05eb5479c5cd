"""The events of a Responses stream, one by one, and what they become."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseError, ResponseStreamEvent
from pydantic import ValidationError

from massgraph.backends.builtin import BuiltinToolResult
from massgraph.backends.chunks import (
    AgentStatusChunk,
    BuiltinToolResultsChunk,
    CompleteMessageChunk,
    CompleteResponseChunk,
    ContentChunk,
    DoneChunk,
    ReasoningChunk,
    StreamChunk,
    ToolCallDeltaChunk,
    UsageChunk,
)
from massgraph.backends.echo import echoed
from massgraph.backends.endpoint import Endpoint
from massgraph.backends.errors import (
    BackendError,
    BackendTimeoutError,
    BadRequestError,
    IncompleteStreamError,
    MalformedResponseError,
    OverloadedError,
    RateLimitError,
    RefusedError,
)
from massgraph.backends.fold import Turn, fold
from massgraph.backends.openai_sdk.errors import OPENAI
from massgraph.backends.responses.builtin import BuiltinUses
from massgraph.backends.responses.events import Usage
from massgraph.backends.responses.frames import FrameReader
from massgraph.backends.usage import TokenUsage

AT = Endpoint("http://127.0.0.1:9/v1", "k")
Event = dict[str, Any]


def _reader(**uses: Any) -> FrameReader:
    def priced(usage: Usage, used: Mapping[str, int], tier: str | None) -> TokenUsage:
        counts = usage.counts()
        return TokenUsage(counts["input_tokens"], counts["output_tokens"], used["containers"])

    return FrameReader(AT, "openai:m", BuiltinUses(**uses), priced, OPENAI)


def read(*events: Event, **uses: Any) -> list[StreamChunk]:
    """Return what these events become."""
    reader = _reader(**uses)
    return [chunk for event in events for chunk in reader.read(event)]


def whole(*events: Event, **uses: Any) -> list[StreamChunk]:
    """Return what a stream of these events becomes, its end included."""
    reader = _reader(**uses)
    chunks = [chunk for event in events for chunk in reader.read(event)]
    return [*chunks, reader.done()]


def turn(*events: Event, **uses: Any) -> Turn:
    """Return the turn that a stream of these events is."""
    return fold(whole(*events, **uses))


def ev(kind: str, **keys: Any) -> Event:
    """Return an event."""
    return {"type": f"response.{kind}", "sequence_number": 0, **keys}


def done(index: int, kind: str, **keys: Any) -> Event:
    """Return the event of a whole item."""
    item = {"id": f"id_{index}", "type": kind, **keys}
    return ev("output_item.done", output_index=index, item=item)


def added(index: int, kind: str, **keys: Any) -> Event:
    """Return the event of an item that begins."""
    return {**done(index, kind, **keys), "type": "response.output_item.added"}


def completed(**keys: Any) -> Event:
    """Return the terminal event of a response that succeeded."""
    return ev("completed", response={"status": "completed", "output": [], **keys})


def failed(**error: Any) -> Event:
    """Return the terminal event of a response that did not."""
    return ev("failed", response={"status": "failed", "error": error})


def incomplete(reason: str | None) -> Event:
    """Return the terminal event of a response that was cut."""
    details = None if reason is None else {"reason": reason}
    return ev("incomplete", response={"status": "incomplete", "incomplete_details": details})


CALL = {"call_id": "c1", "name": "f"}
URL = {"type": "url_citation", "url": "http://a", "title": "A", "start_index": 0, "end_index": 1}

CASES: list[tuple[str, list[Event], list[StreamChunk]]] = [
    ("text", [ev("output_text.delta", delta="Hi")], [ContentChunk("Hi")]),
    ("no text", [ev("output_text.delta", delta="")], []),
    ("refusal", [ev("refusal.delta", delta="No.")], [ContentChunk("No.")]),
    ("summary", [ev("reasoning_summary_text.delta", delta="Hm")], [ReasoningChunk("Hm")]),
    ("reasoning", [ev("reasoning_text.delta", delta="Hm")], [ReasoningChunk("Hm")]),
    (
        "a new paragraph of the summary",
        [
            ev("reasoning_summary_part.added", summary_index=0),
            ev("reasoning_summary_text.delta", delta="Hm", summary_index=0),
            ev("reasoning_summary_part.added", summary_index=1),
        ],
        [ReasoningChunk("Hm"), ReasoningChunk("\n\n")],
    ),
    (
        "a summary that was not streamed",
        [done(0, "reasoning", summary=[{"type": "summary_text", "text": "Hm"}])],
        [ReasoningChunk("Hm")],
    ),
    (
        "a call that begins",
        [added(1, "function_call", arguments="", **CALL)],
        [ToolCallDeltaChunk(1, "c1", "f")],
    ),
    (
        "arguments",
        [ev("function_call_arguments.delta", output_index=1, delta="{")],
        [ToolCallDeltaChunk(1, arguments="{")],
    ),
    (
        "arguments that were not streamed",
        [ev("function_call_arguments.done", output_index=1, arguments="{}")],
        [ToolCallDeltaChunk(1, arguments="{}")],
    ),
    (
        "a call that comes whole",
        [done(2, "function_call", arguments="{}", **CALL)],
        [ToolCallDeltaChunk(2, "c1", "f"), ToolCallDeltaChunk(2, arguments="{}")],
    ),
    (
        "a message that comes whole",
        [done(0, "message", content=[{"type": "output_text", "text": "Hi"}])],
        [ContentChunk("Hi")],
    ),
    ("a search begins", [added(0, "web_search_call")], [AgentStatusChunk("searching the web")]),
    ("code begins", [added(0, "code_interpreter_call")], [AgentStatusChunk("running code")]),
    ("another tool begins", [added(0, "shell_call")], [AgentStatusChunk("shell")]),
    ("a message begins", [added(0, "message")], []),
    ("waiting", [ev("queued")], [AgentStatusChunk("waiting in the provider's queue")]),
    ("an unknown event", [ev("telepathy.delta", delta={"not": "text"})], []),
    ("an event without a type", [{"delta": "?"}], []),
    ("an unknown item", [done(0, "telepathy", delta=3)], []),
    ("null for what is not there", [ev("output_text.delta", delta=None)], []),
]


@pytest.mark.parametrize(
    ("events", "chunks"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_event(events: list[Event], chunks: list[StreamChunk]) -> None:
    """Each event becomes the chunks that it means, and unknown ones become nothing."""
    assert read(*events) == chunks


@pytest.mark.parametrize(
    "event",
    [
        ev("output_text.delta", delta=5),
        ev("output_text.delta", delta="\ud83d"),
        ev("function_call_arguments.delta", delta=["{"]),
        ev("output_item.done", item="what?"),
        ev("output_item.done", item={"type": "function_call", "arguments": {}}),
        ev("completed"),
        ev("completed", response={"usage": {"input_tokens": "many"}}),
        done(0, "web_search_call", action="search"),
    ],
)
def test_what_has_the_wrong_type_is_refused(event: Event) -> None:
    """A known event with a wrong type in it is no event of the protocol."""
    with pytest.raises(ValidationError):
        read(event)


def test_every_event_of_the_sdk_is_taken() -> None:
    """No event that the SDK knows today breaks the reader for want of a key."""
    union = get_args(ResponseStreamEvent)[0]
    kinds = [get_args(event.model_fields["type"].annotation)[0] for event in get_args(union)]
    needs = ("response.output_item", "response.completed", "response.incomplete")
    harmless = [kind for kind in kinds if not kind.startswith(needs)]
    assert len(harmless) > 50
    for kind in harmless:
        if kind not in ("error", "response.failed"):
            read({"type": kind})


# --- builtin tools -------------------------------------------------------------------------------

RESULTS: list[tuple[Event, BuiltinToolResult]] = [
    (
        done(
            0,
            "web_search_call",
            status="completed",
            action={
                "type": "search",
                "query": "old",
                "queries": ["q1", "q2"],
                "sources": [{"type": "url", "url": "http://a"}, {"type": "api", "name": "x"}],
            },
        ),
        {
            "type": "web_search",
            "id": "id_0",
            "queries": ["q1", "q2"],
            "sources": [{"url": "http://a"}],
        },
    ),
    (
        done(0, "web_search_call", status="completed", action={"type": "search", "query": "q"}),
        {"type": "web_search", "id": "id_0", "queries": ["q"]},
    ),
    (
        done(0, "web_search_call", action={"type": "open_page", "url": "http://a"}),
        {"type": "url_context", "id": "id_0", "sources": [{"url": "http://a"}]},
    ),
    (
        done(0, "web_search_call", status="failed", action={"type": "search", "query": "q"}),
        {"type": "web_search", "id": "id_0", "queries": ["q"], "error": "it failed"},
    ),
    (
        done(
            0,
            "code_interpreter_call",
            code="print(1)",
            container_id="c",
            outputs=[
                {"type": "logs", "logs": "1\n"},
                {"type": "image", "url": "x"},
                {"type": "logs", "logs": "2"},
            ],
        ),
        {"type": "code_execution", "id": "id_0", "code": "print(1)", "output": "1\n2"},
    ),
    (
        done(0, "custom_tool_call", name="x_keyword_search", input='{"query": "q"}'),
        {"type": "x_search", "id": "id_0", "name": "x_keyword_search", "queries": ["q"]},
    ),
    (
        done(0, "custom_tool_call", name="x_thread_fetch", input="no JSON"),
        {"type": "x_search", "id": "id_0", "name": "x_thread_fetch", "queries": []},
    ),
    (
        done(0, "mcp_call", name="lookup", error={"message": "It broke."}),
        {"type": "other", "id": "id_0", "name": "lookup", "error": "It broke."},
    ),
]


@pytest.mark.parametrize(("event", "result"), RESULTS)
def test_a_builtin_tool(event: Event, result: BuiltinToolResult) -> None:
    """What a tool of the provider did comes as one result, also when it did not work."""
    assert read(event) == [BuiltinToolResultsChunk((result,))]


def test_citations() -> None:
    """Each page that is cited is told once, when its message is complete."""
    other = {**URL, "url": "http://b"}
    chunks = read(
        ev("output_text.annotation.added", annotation=URL),
        ev("output_text.annotation.added", annotation=None),
        ev("output_text.annotation.added", annotation={"type": "file_path", "file_id": "f"}),
        done(0, "message", content=[{"text": "Hi", "annotations": [URL, other]}]),
        done(1, "message", content=[{"text": "Ho", "annotations": [URL]}]),
    )
    told = [chunk for chunk in chunks if isinstance(chunk, BuiltinToolResultsChunk)]
    assert [chunk.builtin_tool_results for chunk in told] == [
        (
            {"type": "citation", "sources": [{"url": "http://a", "title": "A"}]},
            {"type": "citation", "sources": [{"url": "http://b", "title": "A"}]},
        )
    ]


def test_what_is_billed() -> None:
    """Searches are billed, opened pages and failures are not; a container is billed once."""
    uses = BuiltinUses()
    for event in (
        done(0, "web_search_call", action={"type": "search"}),
        done(1, "web_search_call", action={"type": "open_page"}),
        done(2, "web_search_call", action={"type": "find_in_page"}),
        done(3, "web_search_call", action={"type": "search"}, status="failed"),
        done(4, "code_interpreter_call", container_id="a"),
        done(5, "code_interpreter_call", container_id="a"),
        done(6, "code_interpreter_call", container_id="b"),
        done(7, "message"),
    ):
        uses.result(event["item"])
    assert uses.counts() == {
        "web_search_call": 1,
        "code_interpreter_call": 3,
        "containers": 2,
    }


# --- calls ---------------------------------------------------------------------------------------


def _call(index: int, arguments: str, cuts: Sequence[int]) -> list[Event]:
    """Return the events of a call whose arguments are cut at these places."""
    ends = sorted({min(cut, len(arguments)) for cut in cuts})
    borders = [0, *ends, len(arguments)]
    pieces = [arguments[a:b] for a, b in pairwise(borders)]
    named = {"call_id": f"c{index}", "name": "f"}
    deltas = [
        ev("function_call_arguments.delta", output_index=index, delta=piece) for piece in pieces
    ]
    return [
        added(index, "function_call", arguments="", **named),
        *deltas,
        ev("function_call_arguments.done", output_index=index, arguments=arguments),
        done(index, "function_call", arguments=arguments, **named),
    ]


@settings(deadline=None)
@given(
    args=st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4),
    text=st.text(),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_cut_anywhere(args: dict[str, Any], text: str, cuts: list[int]) -> None:
    """However text and arguments are cut, the turn is the same, and nothing counts twice."""
    ends = sorted({min(cut, len(text)) for cut in cuts})
    borders = [0, *ends, len(text)]
    pieces = [text[a:b] for a, b in pairwise(borders)]
    got = turn(
        *(ev("output_text.delta", output_index=0, delta=piece) for piece in pieces),
        done(0, "message", content=[{"type": "output_text", "text": text}]),
        *_call(1, json.dumps(args, ensure_ascii=False), cuts),
        *_call(2, "{}", []),
        completed(),
    )
    assert got.text == text
    assert [call["args"] for call in got.tool_calls] == [args, {}]
    assert [call["id"] for call in got.tool_calls] == ["c1", "c2"]
    assert got.finish_reason == "tool_calls"


def test_calls_side_by_side() -> None:
    """The pieces of two calls may come in turns."""
    first, second = _call(0, '{"a": 1}', [3]), _call(1, '{"b": 2}', [3])
    mixed = [event for pair in zip(first, second, strict=True) for event in pair]
    assert [call["args"] for call in turn(*mixed, completed()).tool_calls] == [{"a": 1}, {"b": 2}]


def test_a_call_that_comes_whole_only() -> None:
    """A server that streams no pieces, but the whole item, is understood."""
    got = turn(done(0, "function_call", arguments='{"a": 1}', **CALL), completed())
    assert got.tool_calls[0]["args"] == {"a": 1}


def test_an_output_that_comes_whole_only() -> None:
    """A server that sends no events of items, but the whole response, is understood."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    call = {"type": "function_call", "arguments": "{}", **CALL}
    got = turn(completed(output=[message, call]))
    assert (got.text, len(got.tool_calls)) == ("Hi", 1)
    got = turn(ev("output_text.delta", delta="Hi"), completed(output=[message]))
    assert got.text == "Hi"


def test_a_call_without_arguments() -> None:
    """No arguments at all are an empty object."""
    assert (
        turn(done(0, "function_call", arguments="", **CALL), completed()).tool_calls[0]["args"]
        == {}
    )


def test_malformed_arguments() -> None:
    """Arguments that are no JSON are an error of the provider's, not of the reader's."""
    for arguments in ("{oops", "[1]"):
        with pytest.raises(MalformedResponseError):
            turn(done(0, "function_call", arguments=arguments, **CALL), completed())


# --- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "finish"),
    [
        ([completed()], "stop"),
        ([ev("refusal.delta", delta="No."), completed()], "refusal"),
        (
            [done(0, "message", content=[{"type": "refusal", "refusal": "No."}]), completed()],
            "refusal",
        ),
        ([done(0, "function_call", arguments="{}", **CALL), completed()], "tool_calls"),
        ([incomplete("max_output_tokens")], "length"),
        ([ev("output_text.delta", delta="Hm"), incomplete("content_filter")], "refusal"),
        ([incomplete("max_tool_calls")], "other"),
        ([incomplete(None)], "other"),
    ],
)
def test_finish_reasons(events: list[Event], finish: str) -> None:
    """Each end of a response has its reason."""
    assert turn(*events).finish_reason == finish


def test_a_filter_before_anything_was_said() -> None:
    """A response that a filter stopped before its first word is a refusal of the provider."""
    with pytest.raises(RefusedError):
        read(incomplete("content_filter"))


def test_no_terminal_event() -> None:
    """A stream that just ends is no short success."""
    with pytest.raises(IncompleteStreamError):
        whole(ev("output_text.delta", delta="Hi"), done(0, "message", content=[]))


ERRORS = [
    ("server_error", OverloadedError),
    ("rate_limit_exceeded", RateLimitError),
    ("invalid_prompt", BadRequestError),
    ("vector_store_timeout", BackendTimeoutError),
    ("image_too_large", BadRequestError),
    ("bio_policy", RefusedError),
    ("something_new", OverloadedError),
]


@pytest.mark.parametrize(("code", "cls"), ERRORS)
def test_a_failure(code: str, cls: type[BackendError]) -> None:
    """A response that failed is the error that its code says, in either form, and never done."""
    for event in (
        failed(code=code, message="Oh no."),
        {"type": "error", "code": code, "message": "Oh no.", "param": None},
    ):
        reader = _reader()
        said = list(reader.read(ev("output_text.delta", delta="Hi")))
        with pytest.raises(cls, match=r"Oh no\.") as caught:
            said += reader.read(event)
        assert type(caught.value) is cls
        assert said == [ContentChunk("Hi")]
        with pytest.raises(IncompleteStreamError):
            reader.done()


def test_every_code_of_the_sdk_has_a_class() -> None:
    """Each code that a response may fail with is in the table."""
    codes = get_args(ResponseError.model_fields["code"].annotation)
    assert len(codes) > 20
    missing = [code for code in codes if code not in {*OPENAI.codes, *OPENAI.decisive}]
    assert not missing


def test_usage_of_a_failure() -> None:
    """What a failed response has used is told before the error."""
    usage = {"input_tokens": 5, "output_tokens": 1}
    event = ev("failed", response={"usage": usage, "error": {"message": "Oh."}})
    chunks = _reader().read(event)
    assert next(chunks) == UsageChunk(TokenUsage(5, 1))
    with pytest.raises(OverloadedError):
        next(chunks)


def test_the_raw_response() -> None:
    """The response is handed on as it came."""
    event = completed(id="resp_1")
    assert CompleteResponseChunk(event["response"]) in read(event)
    assert whole(event)[-1] == DoneChunk("stop")


# --- what is sent back ---------------------------------------------------------------------------

SEALED = {"summary": [], "encrypted_content": "abc", "status": None}
MESSAGE = {"role": "assistant", "content": [{"type": "output_text", "text": "Hi", "logprobs": []}]}


def _kept(*events: Event) -> list[dict[str, Any]] | None:
    messages = [chunk for chunk in whole(*events) if isinstance(chunk, CompleteMessageChunk)]
    return echoed("openai:m", messages[0].complete_message) if messages else None


def test_reasoning_is_kept_with_what_follows_it() -> None:
    """Reasoning is kept with its items, in their order, without what is output alone."""
    call = done(2, "function_call", arguments="{}", status="completed", **CALL)
    kept = _kept(done(0, "reasoning", **SEALED), done(1, "message", **MESSAGE), call, completed())
    assert kept == [
        {"type": "reasoning", "id": "id_0", "summary": [], "encrypted_content": "abc"},
        {
            "type": "message",
            "id": "id_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi"}],
        },
        {"type": "function_call", "id": "id_2", "arguments": "{}", **CALL},
    ]
    json.dumps(kept)


def test_the_message_that_is_kept_is_the_turns() -> None:
    """The turn takes the kept message as its own, text and calls as they were."""
    call = done(1, "function_call", arguments='{"a": 1}', **CALL)
    got = turn(done(0, "reasoning", **SEALED), call, completed())
    assert echoed("openai:m", got.message) is not None
    assert got.message.tool_calls == list(got.tool_calls)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([done(0, "message", **MESSAGE)], id="plain"),
        pytest.param([done(0, "reasoning", **SEALED)], id="reasoning that nothing follows"),
        pytest.param(
            [done(0, "reasoning", summary=[]), done(1, "message", **MESSAGE)], id="not handed out"
        ),
    ],
)
def test_nothing_is_kept(events: list[Event]) -> None:
    """Where text and calls say it all, or where it could not be sent back, nothing is kept."""
    assert _kept(*events, completed()) is None


def test_what_labels_a_message_is_kept() -> None:
    """A message's phase goes back: the model takes its own comments for answers without it."""
    kept = _kept(done(0, "message", phase="commentary", **MESSAGE), completed())
    assert kept is not None
    assert kept[0]["phase"] == "commentary"


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A stream of any kind says nothing to the log."""
    with caplog.at_level(logging.DEBUG, logger="massgraph"):
        read(*(event for _, events, _ in CASES for event in events))
    assert not caplog.records
