"""Tool calls as JSON at the end of the text."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import ContentChunk
from massgraph.backends.errors import BackendError, MalformedResponseError
from massgraph.backends.gemini.models import PROFILES, profile_of
from massgraph.backends.gemini.structured import Said, TailReader, route_of, union_schema

from ..wire.server import LoopbackServer, WireTurn
from .contract import collect
from .gemini_calls import PICK, ask, body_of, frames, open_backend, said, turn_of

CALL = '{"tool": "pick", "arguments": {"fruit": "fig"}}'
FIG = (("pick", {"fruit": "fig"}),)
EAT = ToolSchema("eat", "", {"type": "object", "properties": {}})
IN_TEXT: dict[str, Any] = {"model": "gemini-2.5-flash", "enable_web_search": True}
BY_SCHEMA: dict[str, Any] = {"model": "gemini-3-pro-image", "enable_web_search": True}


def read(*pieces: str) -> tuple[str, Said]:
    """Return the text that is shown while the pieces come, and what the end turns out to be."""
    reader = TailReader()
    return "".join(reader.feed(piece) for piece in pieces), reader.finish()


# --- what is a call ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text", "calls"),
    [
        pytest.param(CALL, "", FIG, id="bare"),
        pytest.param(f"Figs.\n\n```json\n{CALL}\n```\n", "Figs.\n\n", FIG, id="block"),
        pytest.param(f"Figs: {CALL}  \n", "Figs: ", FIG, id="same-line"),
        pytest.param(f"```\n{CALL}```", "", FIG, id="no-language"),
        pytest.param(f"```JSON\n\n{CALL}", "", FIG, id="block-not-closed"),
        pytest.param(
            '{"arguments":{"fruit":"fig"},"tool":"pick"}', "", FIG, id="the-other-way-round"
        ),
        pytest.param('{"tool": "eat"}', "", (("eat", {}),), id="no-arguments"),
        pytest.param(f"{CALL}\n{CALL}", "", FIG + FIG, id="two"),
        pytest.param(f"```json\n{CALL}\n```\n```json\n{CALL}\n```", "", FIG + FIG, id="two-blocks"),
        pytest.param(f"Like {CALL}, or:\n{CALL}", f"Like {CALL}, or:\n", FIG, id="example-first"),
        pytest.param(f"{CALL} is what I would say.", None, (), id="not-at-the-end"),
        pytest.param(f"```json\n{CALL}\n```\nAs said.", None, (), id="block-not-at-the-end"),
        pytest.param("I vote for agent1.", None, (), id="words"),
        pytest.param('{"agent_id": "agent1"}', None, (), id="another-object"),
        pytest.param('{"tools": []}', None, (), id="another-key"),
        pytest.param("```python\nx = {1: 2}\n```", None, (), id="code"),
        pytest.param("`{` and {", None, (), id="a-brace"),
        pytest.param("", "", (), id="nothing"),
    ],
)
def test_what_stands_at_the_end(answer: str, text: str | None, calls: Any) -> None:
    """Only what stands at the very end is a call; everything else is text, byte for byte."""
    shown, end = read(answer)
    assert end.calls == calls
    assert shown + end.text == (answer if text is None else text)


@pytest.mark.parametrize(
    "answer",
    [
        '{"tool": "pick", "arguments": {"fruit": "fig"',
        '{"tool": "pick", "arguments": {"fruit": fig}}',
        '{"tool": "pick", "arguments": [1]}',
        '{"tool": "pick", "arguments": {"n": NaN}}',
        '{"tool": 5, "arguments": {}}',
        '{"arguments": {}}',
        '{"tool": "say", "arguments": {"text": "a "quote" {"tool": "pick", "arguments": {}}',
    ],
)
def test_a_call_that_has_gone_wrong(answer: str) -> None:
    """It is malformed, and never the call that stands within it."""
    with pytest.raises(MalformedResponseError):
        read("So.\n", answer)


def test_the_call_is_not_shown() -> None:
    """While an answer comes in, text is shown at once, and nothing of the call."""
    reader = TailReader()
    shown = [reader.feed(char) for char in f"Figs are {{sweet}}.\n```json\n{CALL}\n```"]
    assert "".join(shown) == "Figs are {sweet}.\n"
    assert shown[:9] == list("Figs are ")


pieces_of_json = st.sampled_from(["```json\n", "```", "{", "}", '"tool"', ":", '"arguments"', CALL])
prose = st.lists(st.one_of(st.text(max_size=12), pieces_of_json), max_size=8).map("".join)


@settings(max_examples=300, deadline=None)
@given(prose, st.booleans(), st.lists(st.integers(0, 400), max_size=6))
def test_pieces_make_no_difference(text: str, ends_in_call: bool, cuts: list[int]) -> None:
    """However an answer is cut into pieces, it says the same."""
    answer = f"{text}\n```json\n{CALL}\n```" if ends_in_call else text
    places = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    cut = [answer[start:end] for start, end in pairwise(places)]
    whole, parts = outcome(answer), outcome(*cut)
    assert parts == whole
    if isinstance(whole, tuple) and not whole[1]:
        assert whole[0] == answer


def outcome(*pieces: str) -> tuple[str, Any] | str:
    """Return the text and the calls, or the error."""
    try:
        shown, end = read(*pieces)
    except MalformedResponseError as exc:
        return str(exc).partition(":")[0]
    return shown + end.text, end.calls


@given(st.text())
def test_no_text_is_a_call(text: str) -> None:
    """What does not end in the object is text, whatever it says."""
    if '"tool"' not in text and '"arguments"' not in text:
        assert outcome(text) == (text, ())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=4), st.booleans())
def test_arguments_come_through(arguments: dict[str, Any], ascii_only: bool) -> None:
    """Whatever the arguments hold, fences and braces included, they come through."""
    call = json.dumps({"tool": "pick", "arguments": arguments}, ensure_ascii=ascii_only)
    _, end = read("So.\n```json\n", call, "\n```")
    assert end.calls == (("pick", arguments),)


# --- the routes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "alone", "beside"),
    [
        ("gemini-4-argon", "native", "native"),
        ("gemini-3.8-flash", "native", "native"),
        ("models/gemini-3-pro-preview", "native", "native"),
        ("gemini-9-neon", "native", "native"),
        ("tunedModels/mine", "native", "native"),
        ("gemini-2.5-pro", "native", "text"),
        ("gemini-2.0-flash", "native", "text"),
        ("gemini-3-pro-image", "schema", "schema"),
        ("gemma-3-27b-it", "text", "text"),
    ],
)
def test_the_route_of_a_model(model: str, alone: str, beside: str) -> None:
    """Tools are functions where the model takes them, beside builtin tools or not."""
    profile = profile_of(model)
    assert route_of(profile, builtin=False) == alone
    assert route_of(profile, builtin=True) == beside


def test_profiles_make_sense() -> None:
    """A model without functions cannot combine them, and one without builtin tools need not."""
    for name, profile in PROFILES.items():
        assert not name or name.startswith(("gemini-", "gemma-"))
        assert name == name.lower()
        if profile.signs:
            assert profile.searches == "query"
        levels = {type(amount) for amount in profile.efforts.values()}
        assert len(levels) < 2, "levels and budgets do not mix"


async def test_three_modes_of_a_model_that_cannot_combine() -> None:
    """Functions alone are functions; builtin tools alone stay alone; both make JSON of the text."""
    functions = await body_of(PICK, model="gemini-2.5-flash")
    assert [*functions["tools"][0]] == ["functionDeclarations"]
    assert "systemInstruction" not in functions
    builtin = await body_of(**IN_TEXT)
    assert builtin["tools"] == [{"googleSearch": {}}]
    assert "systemInstruction" not in builtin
    both = await body_of(PICK, EAT, **IN_TEXT)
    assert both["tools"] == [{"googleSearch": {}}]
    told = both["systemInstruction"]["parts"][0]["text"]
    assert "- pick: Pick a fruit." in told
    assert json.dumps(dict(PICK.parameters)) in told
    assert "responseJsonSchema" not in both["generationConfig"]


async def test_a_response_schema() -> None:
    """A model that takes one beside builtin tools is held to it."""
    config = (await body_of(PICK, EAT, **BY_SCHEMA))["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"] == union_schema((PICK, EAT))
    names = [one["properties"]["tool"]["enum"] for one in union_schema((PICK, EAT))["anyOf"]]
    assert names == [["pick"], ["eat"]]
    assert union_schema((PICK,))["properties"]["arguments"] == PICK.parameters


@pytest.mark.parametrize("options", [IN_TEXT, BY_SCHEMA])
async def test_a_call_in_the_text(options: dict[str, Any]) -> None:
    """It is a call like any other: the text is what stands before it."""
    answer = f"I like figs.\n```json\n{CALL}\n```"
    with LoopbackServer([WireTurn(text=answer, piece=3)]) as server:
        backend = open_backend(server, **options)
        chunks = await collect(backend, PICK)
        shown = [chunk.content for chunk in chunks if isinstance(chunk, ContentChunk)]
        turn = await ask(backend, PICK)
        assert server.refused == []
    assert "".join(shown) == turn.text == "I like figs.\n"
    assert len(shown) > 1
    assert [(call["name"], call["args"]) for call in turn.tool_calls] == [*FIG]
    assert turn.tool_calls[0]["id"]
    assert turn.finish_reason == "tool_calls"


async def test_no_call_in_the_text() -> None:
    """An answer without JSON is text, and no call."""
    turn = await turn_of([WireTurn(text="I like figs.")], PICK, **IN_TEXT)
    assert (turn.text, turn.tool_calls, turn.finish_reason) == ("I like figs.", (), "stop")


async def test_without_tools_nothing_is_a_call() -> None:
    """Where no tool is offered, JSON is text; so it is where functions are."""
    assert (await turn_of([WireTurn(text=CALL)], **IN_TEXT)).text == CALL
    turn = await turn_of([WireTurn(text=CALL)], PICK)
    assert (turn.text, turn.tool_calls) == (CALL, ())


async def test_a_broken_call_in_the_text() -> None:
    """It is malformed, and its tokens are counted all the same."""
    with LoopbackServer([WireTurn(text=CALL[:-4])]) as server:
        backend = open_backend(server, **IN_TEXT)
        with pytest.raises(BackendError) as caught:
            await ask(backend, PICK)
        await backend.aclose()
    assert caught.value.kind == "malformed"
    assert backend.token_usage.output_tokens == 7


async def test_a_call_that_a_refusal_cuts_off() -> None:
    """It is a refusal, and not a broken call."""
    reply = frames(said(f"Well. {CALL[:-4]}", finishReason="SAFETY"))
    turn = await turn_of([reply], PICK, **IN_TEXT)
    assert (turn.text, turn.tool_calls, turn.finish_reason) == ("Well. ", (), "refusal")


async def test_text_that_a_refusal_cuts_off() -> None:
    """What might have become a call, and did not, is text."""
    turn = await turn_of([frames(said("I use `{", finishReason="SAFETY"))], PICK, **IN_TEXT)
    assert (turn.text, turn.finish_reason) == ("I use `{", "refusal")


async def test_results_go_back_as_text() -> None:
    """What the tools answered is told in words, also for calls that another model made."""
    answer = f"Hm.\n```json\n{CALL}\n```"
    with LoopbackServer([WireTurn(text=answer)]) as server:
        backend = open_backend(server, **IN_TEXT)
        first = await ask(backend, PICK)
        foreign = ToolCall(name="eat", args={}, id="x", type="tool_call")
        messages = [
            SystemMessage("Be brief."),
            HumanMessage("Pick."),
            first.message,
            backend.tool_result_message(first.tool_calls[0], "It is ripe."),
            AIMessage("", tool_calls=[foreign]),
            backend.tool_result_message(foreign, "No.", error=True),
        ]
        await ask(backend, PICK, EAT, messages=messages)
        assert server.refused == []
    contents = server.requests[-1].body["contents"]
    texts = [part["text"] for content in contents for part in content["parts"]]
    assert texts[1] == answer
    assert '{"tool": "pick", "output": "It is ripe."}' in texts[2]
    assert texts[3] == '```json\n{"tool": "eat", "arguments": {}}\n```'
    assert '{"tool": "eat", "error": "No."}' in texts[4]


async def test_a_history_of_functions_becomes_text() -> None:
    """Calls that were made as functions are told in words where no functions are offered."""
    part = {"functionCall": {"name": "pick", "args": {"fruit": "fig"}}}
    turn = await turn_of([frames(said(part, finishReason="STOP"))], PICK, model="gemini-2.5-flash")
    result = ToolMessage("ok", tool_call_id=turn.tool_calls[0]["id"] or "")
    body = await body_of(messages=[HumanMessage("Pick."), turn.message, result], **IN_TEXT)
    assert [[*part] for content in body["contents"] for part in content["parts"]] == [["text"]] * 3


async def test_a_history_in_words_becomes_functions() -> None:
    """Calls that were made in words are functions where functions are offered, or none answers."""
    turn = await turn_of([WireTurn(text=f"Hm.\n{CALL}")], PICK, **IN_TEXT)
    result = ToolMessage("ok", tool_call_id=turn.tool_calls[0]["id"] or "")
    body = await body_of(PICK, messages=[HumanMessage("Pick."), turn.message, result])
    parts = [part for content in body["contents"] for part in content["parts"]]
    assert [part.get("text") for part in parts] == ["Pick.", "Hm.\n", None, None]
    assert parts[2]["functionCall"]["args"] == {"fruit": "fig"}
    assert parts[3]["functionResponse"]["id"] == parts[2]["functionCall"]["id"]
