"""What the stream of the Gemini API says, frame by frame."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from google.genai import types
from langchain_core.messages import HumanMessage, ToolMessage

from massgraph.backends.chunks import (
    AgentStatusChunk,
    ContentChunk,
    DoneChunk,
    StreamChunk,
    UsageChunk,
)
from massgraph.backends.echo import echoed
from massgraph.backends.endpoint import Endpoint
from massgraph.backends.errors import BackendError, RefusedError
from massgraph.backends.fold import fold
from massgraph.backends.gemini.client import let_new_words_pass
from massgraph.backends.gemini.finish import FINISH_REASONS, MALFORMED
from massgraph.backends.gemini.frames import FrameReader
from massgraph.backends.gemini.models import profile_of
from massgraph.backends.prices import Tariff

from ..wire.reply import Reply
from ..wire.server import LoopbackServer, WireTurn
from ..wire.turn import WireUsage
from .contract import collect
from .gemini_calls import KEY, PICK, body_of, frames, open_backend, said, turn_of

STOP = said(finishReason="STOP")
A, B = {"uri": "https://a.example", "title": "A"}, {"uri": "https://b.example", "title": "B"}


async def failing(*replies: Reply) -> BackendError:
    """Return the error that a call ends in."""
    with LoopbackServer([*replies]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError) as caught:
            await collect(backend)
        await backend.aclose()
    return caught.value


# --- how it ends -------------------------------------------------------------------------------


def test_every_finish_reason_has_a_row() -> None:
    """A reason that is new in the SDK is noticed here."""
    assert {reason.value for reason in types.FinishReason} == FINISH_REASONS.keys()


@pytest.mark.parametrize("reason", FINISH_REASONS)
async def test_finish_reasons(reason: str) -> None:
    """Each reason is what the table says; a call that is none is an error."""
    reply = frames(said("Well.", finishReason=reason))
    expected = FINISH_REASONS[reason]
    if expected == MALFORMED:
        error = await failing(reply)
        assert error.kind == "malformed"
        assert reason in str(error)
        return
    turn = await turn_of([reply])
    assert turn.finish_reason == expected
    assert turn.text == "Well."


def test_the_words_of_a_refusal() -> None:
    """What the API says in refusing is the text, as far as the SDK passes it on."""
    reader = FrameReader(
        profile_of("gemini-3.8-flash"), Tariff("m", "google"), Endpoint("http://x", None)
    )
    end = types.Candidate(finish_reason=types.FinishReason.SPII, finish_message="Too private.")
    assert [*reader.read(types.GenerateContentResponse(candidates=[end]))] == []
    turn = fold(reader.done())
    assert (turn.text, turn.finish_reason) == ("Too private.", "refusal")


async def test_words_that_a_newer_api_has(recwarn: pytest.WarningsRecorder) -> None:
    """A reason, a tool, or a key that nobody knows yet breaks nothing, and warns nobody."""
    part = {"toolCall": {"id": "t", "toolType": "TIME_TRAVEL", "args": {}}, "shine": 1}
    frame = {**said("Well.", part, finishReason="DREAMT"), "brand": {"new": True}}
    turn = await turn_of([frames(frame)])
    assert (turn.text, turn.finish_reason) == ("Well.", "other")
    assert turn.builtin_tool_results == ({"type": "other", "name": "time_travel", "id": "t"},)
    assert list(recwarn) == []


async def test_nobody_asks_for_more() -> None:
    """An answer that reached the limit of a request ends there, whatever token comes with it."""
    more = said("Well", finishReason="CONTINUATION", continuationToken="bW9yZQ==")
    with LoopbackServer([frames(more)]) as server:
        backend = open_backend(server)
        chunks = await collect(backend)
        await backend.aclose()
        assert len(server.requests) == 1
    assert chunks[-1] == DoneChunk("length")


async def test_a_stream_without_its_end() -> None:
    """Without a finish reason, an answer is not complete."""
    assert (await failing(frames(said("Well")))).kind == "incomplete_stream"
    assert (await failing(frames())).kind == "incomplete_stream"
    cut = await failing(frames(said("Well"), end="drop"))
    assert cut.kind == "connection"


async def test_a_blocked_prompt() -> None:
    """It is declined, with the reason."""
    blocked = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not this."}}
    error = await failing(frames(blocked))
    assert isinstance(error, RefusedError)
    assert "Not this." in str(error)
    blocked = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": f"No:\n{KEY}"}}
    said_why = str(await failing(frames(blocked)))
    assert KEY not in said_why
    assert "\n" not in said_why
    error = await failing(frames({"promptFeedback": {"blockReason": "NEW_REASON"}}))
    assert "NEW_REASON" in str(error)


def test_only_new_words_pass_without_a_warning() -> None:
    """Of all warnings, the one of a word that the SDK does not know is silent, nothing else."""
    line = "google.genai._common"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            let_new_words_pass()
        assert types.BlockedReason("NEW_REASON").value == "NEW_REASON"
        for message, module in (
            ("x is not a valid Colour", "mine"),
            ("x is not a valid Colour any more", line),
            ("x is deprecated", line),
        ):
            warnings.warn_explicit(message, UserWarning, "x.py", 1, module)
        assert len(told) == 3
        warnings.simplefilter("always")
        let_new_words_pass()
        types.BlockedReason("NEWER_REASON")
    assert len(told) == 4, "a filter that was set later counts"


@pytest.mark.parametrize(
    "frame",
    [
        said("\ud83d"),
        said({"text": "\ud83d", "thought": True}),
        said({"functionCall": {"name": "pick", "args": {"fruit": ["\ud83d"]}}}),
        said({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "\ud83d"}}),
        said(groundingMetadata={"groundingChunks": [{"web": {"uri": "x", "title": "\ud83d"}}]}),
    ],
)
async def test_half_a_character_is_malformed(frame: dict[str, Any]) -> None:
    """It could be neither stored nor shown, wherever it stands, in an event or in mere JSON."""
    for sent in (frame, json.dumps(frame).encode() + b"\n"):
        with pytest.raises(BackendError) as caught:
            await turn_of([frames(sent, STOP)], PICK)
        assert caught.value.kind == "malformed"


async def test_an_end_in_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each frame says why the model stopped, the last one counts, after a pause, too."""
    monkeypatch.setattr("massgraph.backends.gemini.frames.LINGER_S", 0.01)
    empty = said(finishReason="STOP")
    one, two = (said(word, finishReason="STOP") for word in ("It ", "rains."))
    more = said(" A lot.", finishReason="MAX_TOKENS")
    turn = await turn_of([frames(empty, empty, one, 0.05, two, 0.05, more)])
    assert (turn.text, turn.finish_reason) == ("It rains. A lot.", "length")
    turn = await turn_of([frames(empty, 0.05, said("It "), said("rains."), empty)])
    assert (turn.text, turn.finish_reason) == ("It rains.", "stop")
    assert (await turn_of([frames(empty)])).text == ""


async def test_what_comes_behind_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and sources may come late, but no more words; nothing that goes wrong matters."""
    monkeypatch.setattr("massgraph.backends.gemini.frames.LINGER_S", 0.05)
    used = {**said("More."), "usageMetadata": {"promptTokenCount": 5}}
    found = said(groundingMetadata={"webSearchQueries": ["q"]})
    for wrong in (b"data: {oops\n\n", {"error": {"code": 503}}):
        turn = await turn_of([frames(said("Well."), STOP, used, found, wrong)])
        assert turn.text == "Well."
        assert turn.usage is not None
        assert turn.usage.input_tokens == 5
        assert len(turn.builtin_tool_results) == 1
        assert echoed("gemini", turn.message) == [{"text": "Well."}]
    for end in ("drop", "stall"):
        turn = await turn_of([frames(said("Well."), STOP, end=end)], idle_timeout_s=2)
        assert turn.text == "Well."


async def test_silence_behind_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that ends before it begins, and then in silence, has ended."""
    monkeypatch.setattr("massgraph.backends.gemini.frames.UNSURE_S", 0.05)
    for reason, finish in (("SAFETY", "refusal"), ("MAX_TOKENS", "length")):
        turn = await turn_of([frames(said(finishReason=reason), end="stall")])
        assert (turn.text, turn.finish_reason) == ("", finish)


async def test_frames_that_say_nothing() -> None:
    """Empty frames, nulls, and other answers than the first are as good as none."""
    turn = await turn_of(
        [
            frames(
                {},
                {"candidates": None, "usageMetadata": None},
                {"candidates": [{"content": None}, {"content": {"parts": None}}]},
                said("", {}),
                said("another answer", index=1, finishReason="SAFETY"),
                said("x"),
                STOP,
            )
        ]
    )
    assert (turn.text, turn.finish_reason) == ("x", "stop")
    assert echoed("gemini", turn.message) == [{"text": "x"}]


async def test_text_cut_anywhere() -> None:
    """Frames may arrive in pieces that are cut anywhere, also inside a character."""
    content = b'data: {"candidates":[{"content":{"parts":[{"text":"\xf0\x9f\x99\x82\xe2\x80\xa8"}]}'
    content += b',"finishReason":"STOP"}]}\r\n\r\n'
    turn = await turn_of([frames(*(bytes([byte]) for byte in content))])
    assert turn.text == "🙂\u2028"


# --- calls -------------------------------------------------------------------------------------


async def test_calls_in_one_frame_and_in_several() -> None:
    """Every call is one, with its own id or one of ours."""
    fig = {"functionCall": {"name": "pick", "args": {"fruit": "fig"}, "id": "a"}}
    bare = {"functionCall": {"name": "pick"}}
    reply = frames(said(fig, bare), said({"functionCall": {"name": "pick", "id": ""}}), STOP)
    turn = await turn_of([reply], PICK)
    assert [call["args"] for call in turn.tool_calls] == [{"fruit": "fig"}, {}, {}]
    ids = [call["id"] for call in turn.tool_calls]
    assert ids[0] == "a"
    assert len({*ids}) == 3
    assert turn.finish_reason == "tool_calls"


async def test_calls_with_one_id() -> None:
    """No call is lost: each gets an id of its own, and its result goes back by Google's."""
    fig, pear = ({"functionCall": {"name": "pick", "args": {"n": n}, "id": "a"}} for n in (1, 2))
    turn = await turn_of([frames(said(fig), said(pear), STOP)], PICK)
    assert [call["args"] for call in turn.tool_calls] == [{"n": 1}, {"n": 2}]
    results = [ToolMessage("ok", tool_call_id=call["id"] or "") for call in turn.tool_calls]
    body = await body_of(PICK, messages=[HumanMessage("Pick."), turn.message, *results])
    told = [part["functionResponse"]["id"] for part in body["contents"][-1]["parts"]]
    assert told == ["a", "a"]


async def test_a_call_without_a_name() -> None:
    """It is malformed."""
    with pytest.raises(BackendError) as caught:
        await turn_of([frames(said({"functionCall": {"args": {}}}), STOP)], PICK)
    assert caught.value.kind == "malformed"


# --- what is echoed ----------------------------------------------------------------------------


async def test_what_is_kept_for_the_next_request() -> None:
    """Signed parts stay as they are, text is joined, and thoughts without signature go."""
    parts = [
        {"text": "Hm.", "thought": True},
        {"text": "Hm!", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "a"},
        {"text": "b"},
        {"text": "c", "thoughtSignature": "c2lnMg=="},
        {"text": "d"},
        {"functionCall": {"name": "pick", "args": {}, "id": "1"}, "thoughtSignature": "-_8="},
        {"thoughtSignature": "c2lnMw=="},
    ]
    turn = await turn_of([frames(*(said(part) for part in parts), STOP)], PICK)
    assert echoed("gemini", turn.message) == [
        parts[1],
        {"text": "ab"},
        parts[4],
        {"text": "d"},
        parts[6],
        {"text": "", **parts[7]},
    ]
    assert (turn.text, turn.reasoning) == ("abcd", "Hm.Hm!")


# --- tokens and money --------------------------------------------------------------------------


async def usage_of(*made: dict[str, Any], model: str = "gemini-3.8-flash") -> list[StreamChunk]:
    """Return the chunks of an answer of these frames."""
    with LoopbackServer([frames(*made)]) as server:
        backend = open_backend(server, model)
        chunks = await collect(backend)
        await backend.aclose()
    return chunks


async def test_usage() -> None:
    """The last figures count: tools' tokens are input, thoughts are output."""
    first = {"promptTokenCount": 100, "candidatesTokenCount": 1}
    last = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 20,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 132,
    }
    chunks = await usage_of(
        {**said("a"), "usageMetadata": first},
        {**said("b"), "usageMetadata": last},
        {**STOP, "usageMetadata": last},
        {"usageMetadata": {"serviceTier": "standard"}},
    )
    used = [chunk.usage for chunk in chunks if isinstance(chunk, UsageChunk)]
    assert len(used) == 2
    assert (used[1].input_tokens, used[1].output_tokens) == (120, 12)
    assert (used[1].cached_tokens, used[1].reasoning_tokens) == (40, 5)
    assert used[1].estimated_cost


async def cost(model: str, **grounding: Any) -> float | None:
    """Return the price of an answer that was grounded so."""
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 10}
    made = said("a", finishReason="STOP", groundingMetadata=grounding)
    used = [
        chunk.usage.estimated_cost
        for chunk in await usage_of({**made, "usageMetadata": usage}, model=model)
        if isinstance(chunk, UsageChunk)
    ]
    return used[-1]


@pytest.mark.parametrize(
    ("model", "queries", "dollars"),
    [
        ("gemini-3.8-flash", ["a", "b", "a", ""], 0.028),
        ("gemini-2.5-flash", ["a", "b", "a", ""], 0.035),
        ("gemini-2.5-flash", [""], 0.0),
        ("gemini-3.8-flash", [], 0.0),
    ],
)
async def test_the_price_of_searches(model: str, queries: list[str], dollars: float) -> None:
    """Gemini 3 bills each query that differs, earlier models each prompt that led to a search."""
    plain, grounded = await cost(model), await cost(model, webSearchQueries=queries)
    assert plain is not None
    assert grounded is not None
    assert grounded - plain == pytest.approx(dollars)


async def test_a_search_without_a_price_has_none() -> None:
    """What is not known is not nothing."""
    assert await cost("gemini-1.5-pro") is not None
    assert await cost("gemini-1.5-pro", webSearchQueries=["a"]) is None
    assert await cost("gemini-of-my-own") is None


async def test_tokens_of_a_broken_stream_count() -> None:
    """What was used before a stream broke is counted."""
    with LoopbackServer([WireTurn(text="Well, " * 9, end="eof", after=5)]) as server:
        backend = open_backend(server)
        with pytest.raises(BackendError):
            await collect(backend)
        await backend.aclose()
    assert backend.token_usage.input_tokens == WireUsage().input


# --- builtin tools -----------------------------------------------------------------------------


async def test_sources_and_citations() -> None:
    """Searches tell what was found, and each page that the text rests on is one citation."""
    supports = [
        {"segment": {"text": "It rains.", "endIndex": 9}, "groundingChunkIndices": [0, 1]},
        {"segment": {"text": "It pours."}, "groundingChunkIndices": [0, 7]},
    ]
    grounding = {
        "webSearchQueries": ["rain"],
        "groundingChunks": [{"web": A}, {"web": B}],
        "groundingSupports": supports,
    }
    turn = await turn_of([frames(said("It rains."), said(groundingMetadata=grounding), STOP)])
    a, b = ({"url": page["uri"], "title": page["title"]} for page in (A, B))
    assert turn.builtin_tool_results == (
        {"type": "web_search", "name": "google_search", "queries": ["rain"], "sources": [a, b]},
        {"type": "citation", "sources": [{**a, "text": "It rains."}]},
        {"type": "citation", "sources": [{**b, "text": "It rains."}]},
    )


async def test_searches_with_their_ids() -> None:
    """Where the calls of the builtin tools are told, each is one result."""
    parts = [
        {"toolCall": {"id": str(n), "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": [q]}}}
        for n, q in enumerate(("one", "two"))
    ]
    found = {"groundingChunks": [{"web": A}]}
    reply = frames(said(*parts), said(groundingMetadata=found, finishReason="STOP"))
    with LoopbackServer([reply]) as server:
        backend = open_backend(server)
        chunks = await collect(backend)
        await backend.aclose()
    statuses = [chunk.status for chunk in chunks if isinstance(chunk, AgentStatusChunk)]
    assert [status for status in statuses if "search" in status] == ["searching the web"] * 2
    results = [
        r for c in chunks if c.type == "builtin_tool_results" for r in c.builtin_tool_results
    ]
    assert [(r["id"], r["queries"], len(r.get("sources", ()))) for r in results] == [
        ("0", ["one"], 1),
        ("1", ["two"], 0),
    ]


async def test_code() -> None:
    """Code and its output are one result, by id or in order; what failed is an error."""

    def ran(outcome: str, output: str, **rest: str) -> dict[str, Any]:
        return {"codeExecutionResult": {"outcome": outcome, "output": output, **rest}}

    turn = await turn_of(
        [
            frames(
                said({"executableCode": {"code": "1+1", "language": "PYTHON"}}),
                said(ran("OUTCOME_OK", "2\n")),
                said({"executableCode": {"code": "1/0", "id": "x"}}),
                said(ran("OUTCOME_FAILED", "ZeroDivisionError", id="x")),
                said(ran("OUTCOME_DEADLINE_EXCEEDED", "")),
                STOP,
            )
        ]
    )
    code = {"type": "code_execution", "name": "code_execution"}
    assert turn.builtin_tool_results == (
        {**code, "code": "1+1", "output": "2\n"},
        {**code, "code": "1/0", "error": "ZeroDivisionError", "id": "x"},
        {**code, "code": "", "error": "OUTCOME_DEADLINE_EXCEEDED"},
    )


async def test_pages_that_were_read() -> None:
    """Each page is a result; one that could not be read says why."""
    pages = [
        {"retrievedUrl": A["uri"], "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
        {"retrievedUrl": B["uri"], "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_PAYWALL"},
    ]
    quoted = {"citationSources": [{"uri": "https://c.example", "startIndex": 1}]}
    last = said(urlContextMetadata={"urlMetadata": pages}, citationMetadata=quoted)
    turn = await turn_of([frames(said("x"), last, STOP)])
    read = {"type": "url_context", "name": "url_context"}
    assert turn.builtin_tool_results == (
        {**read, "sources": [{"url": A["uri"]}]},
        {**read, "sources": [{"url": B["uri"]}], "error": "URL_RETRIEVAL_STATUS_PAYWALL"},
        {"type": "citation", "sources": [{"url": "https://c.example"}]},
    )


async def test_done_comes_last() -> None:
    """After the text come the findings, the message to echo, and the end, in this order."""
    chunks = await usage_of(said("x", groundingMetadata={"webSearchQueries": ["q"]}), STOP)
    kinds = [chunk.type for chunk in chunks if not isinstance(chunk, AgentStatusChunk)]
    assert kinds == ["content", "builtin_tool_results", "complete_message", "done"]
    assert isinstance(chunks[-1], DoneChunk)
    assert any(isinstance(chunk, ContentChunk) for chunk in chunks)
