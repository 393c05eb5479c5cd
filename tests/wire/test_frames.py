"""Every frame that the server sends is one that the provider's SDK knows, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from . import chat, gemini, messages, responses
from .reply import Reply, Request
from .turn import WireTurn, WireUsage

PAGES = (("https://a.example/1", "One"), ("https://a.example/2", "Two"))
FULL = WireTurn(
    text="Rivers rise. Ulm is wet.",
    reasoning="Let me think about it.",
    redacted=True,
    calls=(("f", {"a": "ü", "b": [1, None]}), ("f", {})),
    searches=(("rain in Ulm", PAGES), ("rivers", ())),
    code_runs=(("print(1)", "1\n"),),
    fetches=(("https://a.example/1", "It rains."),),
    citations=(("https://a.example/1", "One", "Ulm is wet."),),
    usage=WireUsage(input=100, cached=40, cache_write=20, output=30, reasoning=10),
)
TURNS = {
    "full": FULL,
    "empty": WireTurn(),
    "refusal": WireTurn(refusal="I will not do that."),
    "half-refused": WireTurn(text="Well. ", refusal="No."),
    "length": WireTurn(text="It is", finish="length"),
    "pause": WireTurn(searches=(("rain", PAGES),), finish="pause"),
    "search-error": WireTurn(text="x", searches=(("r", ()),), search_error="max_uses_exceeded"),
    "broken-args": WireTurn(calls=(("f", '{"a": '),)),
    "failed": WireTurn(text="Well", error="server"),
    "error-event": WireTurn(text="Well", error="rate_limit", error_event=True),
}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
BODIES: dict[str, dict[str, Any]] = {
    "chat": {"stream_options": {"include_usage": True}},
    "responses": {
        "include": [
            "reasoning.encrypted_content",
            "web_search_call.action.sources",
            "code_interpreter_call.outputs",
        ],
        "tools": [TOOL, {"type": "code_interpreter", "container": {"type": "auto"}}],
        "reasoning": {"effort": "low", "summary": "auto"},
    },
    "messages": {"tools": [{"type": "code_execution_20260521", "name": "code_execution"}]},
    "gemini": {"toolConfig": {"includeServerSideToolInvocations": True}},
}
MODELS = {"chat": "m", "responses": "gpt-5.4", "messages": "claude-opus-5", "gemini": "gemini-3"}
ENCODE = {
    "chat": chat.encode,
    "responses": responses.encode,
    "messages": messages.encode,
    "gemini": gemini.encode,
}


def request(protocol: str, **body: Any) -> Request:
    """Return a request of this protocol, with all that makes replies longer."""
    whole = {**BODIES[protocol], "model": MODELS[protocol], **body}
    return Request("/", {}, whole, 0.0, protocol=protocol, model=MODELS[protocol])


def sdk_type(protocol: str) -> TypeAdapter[Any]:
    """Return how the SDK reads a frame."""
    from anthropic.types import RawMessageStreamEvent
    from google.genai.types import GenerateContentResponse
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    types: dict[str, Any] = {
        "chat": ChatCompletionChunk,
        "responses": ResponseStreamEvent,
        "messages": RawMessageStreamEvent,
        "gemini": GenerateContentResponse,
    }
    return TypeAdapter(types[protocol])


def unknown_fields(value: Any, where: str = "") -> Iterator[str]:
    """Yield the fields that the SDK's types do not have."""
    if isinstance(value, BaseModel):
        yield from (f"{where}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from unknown_fields(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from unknown_fields(inner, f"{where}[]")


EXTENSIONS = {
    ".choices[].delta.reasoning_content",  # DeepSeek, Grok, vLLM
    ".citations",  # Grok
    ".usage.num_sources_used",
    ".response.store",
}
"""What servers send, and the types of the SDK leave out."""


def frames_of(reply: Reply) -> list[Mapping[str, Any]]:
    """Return the JSON frames of a reply, its end included."""
    return [x for x in (*reply.frames, *reply.closing) if isinstance(x, Mapping)]


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("protocol", ENCODE)
def test_the_sdk_knows_every_frame(protocol: str, name: str) -> None:
    """Each frame fits the SDK's own type strictly, and holds no field that it lacks."""
    reader = sdk_type(protocol)
    for frame in frames_of(ENCODE[protocol](TURNS[name], request(protocol))):
        if frame.get("type") == "ping" or set(frame) == {"error"}:
            continue
        if protocol == "messages" and frame["type"] == "error":
            continue
        parsed = reader.validate_json(json.dumps(frame), strict=protocol != "gemini")
        assert set(unknown_fields(parsed)) <= EXTENSIONS


@pytest.mark.parametrize("name", TURNS)
def test_responses_are_numbered(name: str) -> None:
    """The events of a response are numbered without a gap, and the last one is terminal."""
    frames = frames_of(responses.encode(TURNS[name], request("responses")))
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    kind = frames[-1]["type"].removeprefix("response.")
    assert kind in ("completed", "incomplete", "failed", "error")


def test_deltas_add_up_in_responses() -> None:
    """What the deltas say is what the completed response holds."""
    frames = frames_of(responses.encode(FULL, request("responses")))
    output = frames[-1]["response"]["output"]
    said = "".join(x["delta"] for x in frames if x["type"] == "response.output_text.delta")
    assert [item["type"] for item in output] == [
        "reasoning",
        "web_search_call",
        "web_search_call",
        "code_interpreter_call",
        "message",
        "function_call",
        "function_call",
    ]
    assert said == output[4]["content"][0]["text"] == FULL.text
    assert output[0]["encrypted_content"] == responses.sealed(output[0]["id"])
    assert output[1]["action"]["sources"] == [{"type": "url", "url": url} for url, _ in PAGES]
    assert output[3]["outputs"] == [{"type": "logs", "logs": "1\n"}]
    note = output[4]["content"][0]["annotations"][0]
    assert FULL.text[note["start_index"] : note["end_index"]] == "Ulm is wet."


def test_responses_hold_what_was_asked_for() -> None:
    """Without `include`, neither encrypted reasoning nor sources nor outputs come."""
    reply = responses.encode(FULL, request("responses", include=None))
    said = json.dumps(frames_of(reply))
    assert "encrypted_content" not in said
    assert "sources" not in said
    assert '"logs"' not in said


def test_usage_of_messages() -> None:
    """Anthropic counts tokens of the cache apart, and the tokens that came out at the end."""
    frames = frames_of(messages.encode(FULL, request("messages")))
    start, end = frames[0]["message"]["usage"], frames[-2]["usage"]
    assert start["input_tokens"] == end["input_tokens"] == 40
    assert (start["cache_read_input_tokens"], start["cache_creation_input_tokens"]) == (40, 20)
    assert (start["output_tokens"], end["output_tokens"]) == (1, 30)
    assert end["server_tool_use"] == {"web_search_requests": 2, "web_fetch_requests": 1}


def test_usage_of_gemini() -> None:
    """Google counts thoughts outside of the candidates, in each chunk."""
    frames = frames_of(gemini.encode(FULL, request("gemini")))
    usages = [frame["usageMetadata"] for frame in frames]
    assert usages[-1]["candidatesTokenCount"] == 20
    assert all(usage["thoughtsTokenCount"] == 10 for usage in usages)
    assert usages[-1]["totalTokenCount"] == 130


@pytest.mark.parametrize("protocol", ENCODE)
def test_a_stream_breaks_where_it_is_told(protocol: str) -> None:
    """`after` counts frames; an error comes then, and no end."""
    broken = ENCODE[protocol](
        WireTurn(text="word " * 20, after=3, error="overloaded", message="Busy."),
        request(protocol),
    )
    assert len(broken.frames) == 4
    assert "Busy." in json.dumps(broken.frames[-1])
    assert broken.closing == ()
    eof = ENCODE[protocol](WireTurn(text="word " * 20, after=3, end="eof"), request(protocol))
    assert (len(eof.frames), eof.end) == (3, "eof")


def test_a_turn_cannot_break_for_no_reason() -> None:
    """`after` alone is refused: what would come then?"""
    with pytest.raises(ValueError, match="after"):
        WireTurn(after=3)
