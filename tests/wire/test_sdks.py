"""The real SDKs understand the server, and the server understands them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors, types

from .server import LoopbackServer, Script
from .test_frames import FULL, PAGES
from .test_rules import SCHEMA
from .turn import HttpError, WireTurn

KEY = "sk-wire-test"
QUESTION: Any = [{"role": "user", "content": "Rain?"}]
ALL = ["reasoning.encrypted_content", "web_search_call.action.sources"]


def openai_client(server: LoopbackServer, prefix: str = "") -> openai.AsyncOpenAI:
    """Return a client of OpenAI's SDK."""
    url = f"{server.origin}{prefix}/v1"
    return openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0)


def anthropic_client(server: LoopbackServer) -> anthropic.AsyncAnthropic:
    """Return a client of Anthropic's SDK."""
    return anthropic.AsyncAnthropic(base_url=server.origin, api_key=KEY, max_retries=0)


@asynccontextmanager
async def gemini_client(server: LoopbackServer, version: str = "v1beta") -> AsyncIterator[Any]:
    """Yield a client of Google's SDK; that does not close what was given to it."""
    async with httpx2.AsyncClient() as http:
        options = types.HttpOptions(
            base_url=server.origin, api_version=version, httpx_async_client=http
        )
        with genai.Client(api_key=KEY, http_options=options) as client:
            async with client.aio:
                yield client


async def respond(server: LoopbackServer, prefix: str = "", **body: Any) -> list[Any]:
    """Return the events of a response."""
    async with openai_client(server, prefix) as client:
        given: Any = {"model": "gpt-5.4", "input": QUESTION, "stream": True, **body}
        async with await client.responses.create(**given) as stream:
            return [event async for event in stream]


async def message(server: LoopbackServer, **body: Any) -> Any:
    """Return the final message of Anthropic's SDK."""
    given: Any = {"model": "claude-opus-5", "max_tokens": 100, "messages": QUESTION, **body}
    async with anthropic_client(server) as client, client.messages.stream(**given) as stream:
        return await stream.get_final_message()


async def generate(
    server: LoopbackServer, contents: Any = "Rain?", version: str = "v1beta", **config: Any
) -> list[types.GenerateContentResponse]:
    """Return the chunks of Google's SDK."""
    off = types.AutomaticFunctionCallingConfig(disable=True)
    given = types.GenerateContentConfig(
        automatic_function_calling=off, automatic_continuation=False, **config
    )
    async with gemini_client(server, version) as client:
        stream = await client.aio.models.generate_content_stream(
            model="gemini-3.8-flash", contents=contents, config=given
        )
        return [chunk async for chunk in stream]


FUNCTION = {"name": "f", "description": "", "parameters": SCHEMA}


# --- what is said arrives --------------------------------------------------------------------


async def test_chat() -> None:
    """Text, calls and tokens arrive by chat completions."""
    async with LoopbackServer([FULL]) as server, openai_client(server) as client:
        stream = await client.chat.completions.create(
            model="m", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert "".join(delta.content or "" for delta in deltas) == FULL.text
    assert [call.id for call in calls if call.id] == ["call_1_0", "call_1_1"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 100


async def test_chat_leaves_out_the_usage_that_nobody_asked_for() -> None:
    """Tokens come only with `include_usage`."""
    async with LoopbackServer([WireTurn(text="x")]) as server, openai_client(server) as client:
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        assert [chunk.usage async for chunk in stream if chunk.usage] == []


async def test_responses() -> None:
    """The output of a response can be sent back, with the results of its calls."""
    body: dict[str, Any] = {
        "store": False,
        "include": ALL,
        "tools": [{"type": "function", **FUNCTION}],
    }
    async with LoopbackServer([FULL, WireTurn(text="Done.")]) as server:
        events = await respond(server, **body)
        done = events[-1].response
        assert done.output_text == FULL.text
        assert done.usage.input_tokens_details.cached_tokens == 40
        said = [item.model_dump(exclude_none=True) for item in done.output]
        answers = [
            {"type": "function_call_output", "call_id": item.call_id, "output": "x"}
            for item in done.output
            if item.type == "function_call"
        ]
        again = await respond(server, **{**body, "input": [*QUESTION, *said, *answers]})
        with pytest.raises(openai.BadRequestError, match="No tool output found"):
            await respond(server, **{**body, "input": [*QUESTION, *said, *answers[:1]]})
    assert again[-1].response.output_text == "Done."
    assert [event.type for event in again[:2]] == ["response.created", "response.in_progress"]


async def test_messages() -> None:
    """A message of Anthropic's SDK can be sent back, with the results of its calls."""
    body: dict[str, Any] = {
        "thinking": {"type": "adaptive"},
        "tools": [
            {"name": "f", "input_schema": SCHEMA},
            {"type": "web_search_20260318", "name": "web_search"},
            {"type": "code_execution_20260521", "name": "code_execution"},
        ],
    }
    async with LoopbackServer([FULL, WireTurn(text="Done.")]) as server:
        said = await message(server, **body)
        assert said.stop_reason == "tool_use"
        assert "".join(block.text for block in said.content if block.type == "text") == FULL.text
        assert [block.input for block in said.content if block.type == "tool_use"] == [
            {"a": "ü", "b": [1, None]},
            {},
        ]
        assert said.usage.output_tokens == 30
        keep = {"exclude_none": True, "exclude": {"parsed_output"}}
        blocks = [block.model_dump(**keep) for block in said.content]
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "x"}
            for block in said.content
            if block.type == "tool_use"
        ]
        history = [*QUESTION, {"role": "assistant", "content": blocks}]
        asked = [*history, {"role": "user", "content": results}]
        assert (await message(server, **{**body, "messages": asked})).content[0].text == "Done."
        asked[1] = {**asked[1], "content": [x for x in blocks if "thinking" not in x["type"]]}
        with pytest.raises(anthropic.BadRequestError, match="thinking block"):
            await message(server, **{**body, "messages": asked})


async def test_gemini() -> None:
    """Parts of Google's SDK can be sent back, with the responses of its calls."""
    function = types.FunctionDeclaration(name="f", parameters_json_schema=SCHEMA)
    body: dict[str, Any] = {
        "tools": [
            types.Tool(function_declarations=[function]),
            types.Tool(google_search=types.GoogleSearch()),
        ],
        "tool_config": types.ToolConfig(include_server_side_tool_invocations=True),
    }
    async with LoopbackServer([FULL, WireTurn(text="Done.")]) as server:
        chunks = await generate(server, **body)
        parts = [
            part
            for chunk in chunks
            if chunk.candidates and chunk.candidates[0].content
            for part in chunk.candidates[0].content.parts or ()
            if part.text != "" or part.thought_signature
        ]
        spoken = [part.text for part in parts if part.text and not part.thought]
        assert "".join(spoken) == FULL.text
        calls = [part.function_call for part in parts if part.function_call]
        assert [call.args for call in calls] == [{"a": "ü", "b": [1, None]}, {}]
        last = chunks[-1].candidates
        assert last is not None
        grounding = last[0].grounding_metadata
        assert grounding is not None
        assert [x.web.uri for x in grounding.grounding_chunks or () if x.web] == [
            url for url, _ in PAGES
        ]
        answers = [
            types.Part(
                function_response=types.FunctionResponse(id=x.id, name=x.name, response={"r": 1})
            )
            for x in calls
        ]
        contents = [
            types.UserContent("Rain?"),
            types.Content(role="model", parts=parts),
            types.Content(role="user", parts=answers),
        ]
        assert (await generate(server, contents, **body))[0].text == "Done."
        contents[1].parts = [
            part.model_copy(update={"thought_signature": None} if part.function_call else {})
            for part in parts
        ]
        with pytest.raises(errors.ClientError, match="missing a thought_signature"):
            await generate(server, contents, **body)
    assert {request.path.split("?")[0] for request in server.requests} == {
        "/v1beta/models/gemini-3.8-flash:streamGenerateContent"
    }


async def test_other_paths_of_the_same() -> None:
    """Gemini's `v1` and Grok's prefix are there too, and nothing else."""
    async with LoopbackServer({"gpt-5.4": [FULL], "gemini-3.8-flash": [FULL]}) as server:
        assert (await respond(server, "/xai"))[-1].response.output_text == FULL.text
        assert len(await generate(server, version="v1")) > 3
        with pytest.raises(openai.NotFoundError):
            await respond(server, "/other")
    assert [request.protocol for request in server.requests] == ["responses", "gemini", ""]


# --- it breaks as the providers do -----------------------------------------------------------


async def test_refusals() -> None:
    """A refusal is said in each provider's own way."""
    async with LoopbackServer([WireTurn(refusal="I will not.")]) as server:
        done = (await respond(server))[-1].response
        assert done.output[0].content[0].refusal == "I will not."
        assert (await message(server)).stop_reason == "refusal"
        blocked = (await generate(server))[-1].prompt_feedback
        assert blocked is not None
        assert blocked.block_reason == types.BlockedReason.SAFETY


async def test_length() -> None:
    """A limit of length is said in each provider's own way."""
    async with LoopbackServer([WireTurn(text="It is", finish="length")]) as server:
        done = (await respond(server))[-1]
        assert done.type == "response.incomplete"
        assert done.response.incomplete_details.reason == "max_output_tokens"
        assert (await message(server)).stop_reason == "max_tokens"
        last = (await generate(server))[-1].candidates
        assert last is not None
        assert last[0].finish_reason == types.FinishReason.MAX_TOKENS


async def test_errors_in_the_stream() -> None:
    """An error in the middle comes as the provider's own event."""
    async with LoopbackServer([WireTurn(text="It is", error="overloaded", after=4)]) as server:
        failed = (await respond(server))[-1]
        assert (failed.type, failed.response.error.code) == ("response.failed", "server_error")
        with pytest.raises(anthropic.APIStatusError) as caught:
            await message(server)
        assert caught.value.type == "overloaded_error"
        with pytest.raises(errors.ServerError) as google:
            await generate(server)
        assert google.value.code == 503
    bare = WireTurn(error="rate_limit", error_event=True, message="Slow.")
    async with LoopbackServer([bare]) as server:
        assert (await respond(server))[-1].code == "rate_limit_exceeded"


async def test_http_errors() -> None:
    """A refusal by status has each provider's own body."""
    async with LoopbackServer([HttpError(status=429, message="Slow.", retry_after=2)]) as server:
        with pytest.raises(openai.RateLimitError, match="Slow") as first:
            await respond(server)
        with pytest.raises(anthropic.RateLimitError) as second:
            await message(server)
        with pytest.raises(errors.ClientError) as third:
            await generate(server)
    assert first.value.response.headers["retry-after"] == "2"
    assert first.value.code == "rate_limit_exceeded"
    assert second.value.type == "rate_limit_error"
    assert third.value.status == "RESOURCE_EXHAUSTED"
    assert '"retryDelay": "2s"' in json.dumps(third.value.details)


@pytest.mark.parametrize("ask", [respond, message, generate])
async def test_a_drop_is_seen(ask: Any) -> None:
    """A connection that is cut is an error of the connection."""
    async with LoopbackServer([WireTurn(text="It is", after=3, end="drop")]) as server:
        with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
            await ask(server)


@pytest.mark.parametrize("ask", [respond, generate])
async def test_an_early_end_is_no_error(ask: Any) -> None:
    """A stream that ends early just ends: what it lacks is the last event."""
    async with LoopbackServer([WireTurn(text="It is", end="eof")]) as server:
        said = repr((await ask(server))[-1])
    assert "response.completed" not in said
    assert "STOP" not in said


@pytest.mark.parametrize("ask", [respond, message, generate])
async def test_a_hang_up_is_seen(ask: Any) -> None:
    """The server sees a client go, in the middle of any stream."""
    script: Script = [WireTurn(text="It is", after=3, end="stall")]
    async with LoopbackServer(script) as server:
        task = asyncio.create_task(ask(server))
        await server.received(timeout=20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await server.disconnected(timeout=2) > server.requests[0].came_at
    assert server.refused == []


async def test_what_was_refused_is_kept() -> None:
    """A test can look up why requests were refused."""
    async with LoopbackServer([WireTurn(text="x")]) as server:
        with pytest.raises(openai.BadRequestError, match="max_output_tokens"):
            await respond(server, max_output_tokens=1)
    assert ["max_output_tokens" in why for why in server.refused] == [True]
