"""What each provider refuses, the server refuses: one broken request for each rule."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from . import chat, gemini, messages, responses
from .gemini_contents import BYPASS
from .gemini_json import signature
from .reply import Refused, Request
from .responses import sealed
from .turn import seal

Body = dict[str, Any]

SCHEMA: Body = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
LOOSE: Body = {"type": "object", "properties": {"city": {"type": "string"}}}
PROBLEM: Mapping[str, Callable[[Request], str | None]] = {
    "chat": chat.problem,
    "responses": responses.problem,
    "messages": messages.problem,
    "gemini": gemini.problem,
}
HEADERS: Mapping[str, dict[str, str]] = {
    "chat": {},
    "responses": {"authorization": "Bearer k"},
    "messages": {"authorization": "Bearer k", "anthropic-version": "2026-10-21"},
    "gemini": {"x-goog-api-key": "k"},
}
MODEL = {
    "chat": "m",
    "responses": "gpt-5.4",
    "messages": "claude-opus-4-6",
    "gemini": "gemini-3.8-flash",
}


def responses_body() -> Body:
    """Return a conversation with reasoning, a search, a call and its output."""
    return {
        "model": MODEL["responses"],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 16,
        "tools": [
            {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "web_search"},
        ],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Rain?"}]},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [],
                "encrypted_content": sealed("rs_1"),
            },
            {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "Rain."},
            {"role": "assistant", "content": [{"type": "output_text", "text": "It rains."}]},
            {"role": "user", "content": "Sure?"},
        ],
    }


def messages_body() -> Body:
    """Return a conversation with thinking, a search, a call and its result."""
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    served = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": seal("thinking", "Hm.")}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    return {
        "model": MODEL["messages"],
        "stream": True,
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [
            {"name": "f", "input_schema": SCHEMA},
            {"type": "web_search_20260209", "name": "web_search"},
        ],
        "messages": [
            {"role": "user", "content": "Rain?"},
            {"role": "assistant", "content": [thought, served, found, used]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "Rain."},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ],
    }


def gemini_body() -> Body:
    """Return a conversation with a builtin call, two function calls and their responses."""
    sealed_tool = signature("tool", "s")
    first = {"functionCall": {"id": "a", "name": "f", "args": {}}}
    return {
        "contents": [
            {"role": "user", "parts": [{"text": "Rain?"}]},
            {
                "role": "model",
                "parts": [
                    {"toolCall": {"id": "s"}, "thoughtSignature": sealed_tool},
                    {"toolResponse": {"id": "s"}, "thoughtSignature": sealed_tool},
                    {**first, "thoughtSignature": signature("call", "f", "a")},
                    {"functionCall": {"id": "b", "name": "f", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "b", "name": "f", "response": {"r": "1"}}},
                    {"functionResponse": {"id": "a", "name": "f", "response": {"r": "2"}}},
                ],
            },
        ],
        "tools": [
            {"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]},
            {"googleSearch": {}},
        ],
        "toolConfig": {"includeServerSideToolInvocations": True},
        "generationConfig": {"maxOutputTokens": 10},
    }


def chat_body() -> Body:
    """Return a conversation with a call and its result."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return {
        "model": "m",
        "stream": True,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Rain?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "Rain."},
        ],
    }


BODIES = {
    "chat": chat_body,
    "responses": responses_body,
    "messages": messages_body,
    "gemini": gemini_body,
}


def refused(
    protocol: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    model: str | None = None,
    path: str = "/",
) -> str | None:
    """Return why the server refuses this body, once it went through JSON."""
    sent = HEADERS[protocol] if headers is None else headers
    named = model or (body.get("model") if isinstance(body, dict) else None) or MODEL[protocol]
    whole = json.loads(json.dumps(body))
    request = Request(path, dict(sent), whole, 0.0, protocol=protocol, model=named)
    return PROBLEM[protocol](request)


def changed(body: Body, where: str, value: Any) -> Body:
    """Return a body with one place changed: `input.0.role`, a `+` for one more, `...` for none."""
    body = copy.deepcopy(body)
    *path, last = where.split(".")
    holder: Any = body
    for step in path:
        holder = holder[int(step) if isinstance(holder, list) else step]
    if last == "+":
        holder.append(value)
    elif value is ...:
        del holder[int(last) if isinstance(holder, list) else last]
    else:
        holder[int(last) if isinstance(holder, list) else last] = value
    return body


@pytest.mark.parametrize("protocol", BODIES)
def test_a_right_request_is_taken(protocol: str) -> None:
    """The request that the tests below break is right."""
    assert refused(protocol, BODIES[protocol]()) is None


TEXT = {"type": "text", "text": "x"}
USER: Body = {"role": "user", "content": "x"}
CACHED = {**TEXT, "cache_control": {"type": "ephemeral"}}
CALL: Body = {"type": "function_call", "call_id": "d", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "z", "output": "x"}
FUNCTION: Body = {"type": "function", "name": "f", "parameters": LOOSE}
ENTRY: Body = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
FORMAT: Body = {"format": {"type": "json_schema", "name": "x", "strict": True, "schema": LOOSE}}
REFERS = {"$defs": {"C": {"type": "string"}}, **SCHEMA}
REFERS["properties"] = {"city": {"$ref": "#/$defs/C", "description": "x"}}
SHORT = {**SCHEMA, "properties": {"city": {"type": "string", "maxLength": 9}}}
NAMED: Body = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": LOOSE}}
HELD: Body = {"format": {"type": "json_schema", "schema": LOOSE}}
USE = {"type": "tool_use", "id": "u", "name": "f", "input": {}}
SERVED = {"type": "server_tool_use", "id": "s2", "name": "web_search", "input": {}}
ORPHAN = {"type": "web_search_tool_result", "tool_use_id": "s9", "content": []}
RESULT = {"type": "tool_result", "tool_use_id": "z", "content": "x"}
DECLARED: Body = {"functionDeclarations": [{"name": "f", "parameters": LOOSE}]}
RESPONSE = {"functionResponse": {"id": "z", "name": "f", "response": {}}}

BROKEN: Mapping[str, list[tuple[str, Any, str]]] = {
    "chat": [
        ("model", ..., "model"),
        ("stream", False, "stream: true"),
        ("messages", [], "must not be empty"),
        ("messages.3", ..., "have no results"),
        ("messages.3.tool_call_id", "z", "No tool call has the id"),
        ("messages.0.role", "robot", "There is no role"),
        ("messages.1.content", None, "content must be text"),
        ("messages.2.tool_calls.0.function.arguments", {}, "must be a string"),
        ("response_format", {"type": "yaml"}, "Invalid value: 'yaml'"),
        ("response_format", {"type": "json_schema"}, "response_format.json_schema.name"),
        ("response_format", NAMED, "additionalProperties must be false"),
        ("tools.+", ENTRY, "must differ"),
        ("tools.0.function.name", "a b", "Invalid tool name"),
        ("tool_choice", "any", "Invalid value: 'any'"),
        ("tool_choice", {"type": "function", "name": "f"}, "Invalid value: {'type'"),
        ("tool_choice", {"type": "tool", "function": {"name": "f"}}, "Invalid value: {'type'"),
        ("tool_choice", {"type": "function", "function": {"name": "g"}}, "not found in 'tools'"),
        ("tools.0.function.parameters", {"type": "string"}, "must have type 'object'"),
        ("messages.2.tool_calls", 5, "malformed"),
    ],
    "responses": [
        ("model", ..., "model"),
        ("colour", 1, "Unknown parameter: 'colour'"),
        ("temperature", 0.5, "'temperature' is not supported"),
        ("top_p", 0.5, "'top_p' is not supported"),
        ("max_output_tokens", 15, ">= 16"),
        ("include.+", "everything", "Invalid value: 'everything'"),
        ("previous_response_id", "resp_1", "not found"),
        ("tools.0", ENTRY, "Unknown parameter: 'tools[0].function'"),
        ("tools.0.name", ..., "'tools[0].name'"),
        ("tools.0.name", "a.b", "Invalid tool name"),
        ("tools.+", FUNCTION, "must differ"),
        ("tools.0.parameters", LOOSE, "additionalProperties must be false"),
        ("tools.0.parameters.required", [], "must name every property"),
        ("tools.0.parameters.properties.city", {"type": "text"}, "no type 'text'"),
        ("tools.0.parameters.properties.city", {"enum": []}, "enum must be"),
        ("tools.0.parameters.required", "city", "list of names"),
        ("tools.0.parameters.properties", [], "properties must be"),
        ("tools.1.container", ..., "'tools[1].container'"),
        ("tools.2.type", "google_search", "Invalid value: 'google_search'"),
        ("tools.2.type", "x_search", "Invalid value: 'x_search'"),
        ("tool_choice", {"type": "function", "name": "g"}, "not found in 'tools'"),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}, "Invalid value: {'type'"),
        ("tool_choice", {"name": "f"}, "'tool_choice.type'"),
        ("tool_choice", "any", "Invalid value: 'any'"),
        ("text", FORMAT, "additionalProperties must be false"),
        ("text", {"format": {"type": "json_schema"}}, "text.format.name"),
        ("text", changed(FORMAT, "format.name", "a b"), "Invalid 'text.format.name'"),
        ("text", changed(FORMAT, "format.colour", 1), "Unknown parameter: 'text.format.colour'"),
        ("text", changed(FORMAT, "format.schema", REFERS), "cannot have keywords beside it"),
        ("text", changed(FORMAT, "format.schema", SHORT), "'maxLength' is not permitted"),
        ("input", [], "must be provided"),
        ("input", "", "must be provided"),
        ("input.0.role", "tool", "Invalid value: 'tool'"),
        ("input.0.content", None, "input[0].content"),
        ("input.4.content.0.type", "input_text", "Invalid value: 'input_text'"),
        ("input.2.id", "call_1", "begins with 'fc'"),
        ("input.2.arguments", {}, "input[2].arguments"),
        ("input.3.output", None, "input[3].output"),
        ("input.3.call_id", ..., "input[3].call_id"),
        ("input.1.id", ..., "input[1].id"),
        ("input.3", {**CALL, "call_id": "c"}, "Duplicate call_id"),
        ("input.3", ..., "No tool output found"),
        ("input.+", OUTPUT, "No tool call found"),
        ("input.+", CALL, "No tool output found"),
        ("input.+", {"type": "thought"}, "Invalid value: 'thought'"),
        ("input.1.encrypted_content", ..., "not persisted"),
        ("input.1.encrypted_content", "gAAA", "could not be verified"),
        ("input.1.summary", ..., "input[1].summary"),
        ("input.2", USER, "required following item"),
    ],
    "messages": [
        ("model", ..., "model"),
        ("max_tokens", ..., "max_tokens: Field required"),
        ("temperature", 0.5, "temperature: this parameter was removed"),
        ("top_p", 0.5, "top_p: this parameter was removed"),
        ("top_k", 5, "top_k: this parameter was removed"),
        ("colour", 1, "colour: Extra inputs"),
        ("thinking.budget_tokens", 1000, "greater than or equal to 1024"),
        ("thinking.budget_tokens", 4000, "must be greater than"),
        ("thinking", {"type": "between_tools"}, "is not supported by this model"),
        ("output_config", {"colour": 1}, "output_config.colour: Extra inputs"),
        ("output_config", {"format": {"type": "json_schema"}}, "output_config.format: expected"),
        ("output_config", HELD, "'additionalProperties' must be explicitly"),
        ("output_config", changed(HELD, "format.schema", SHORT), "'maxLength' is not supported"),
        ("tool_choice", "any", "'any' is no object with one of the types"),
        ("tool_choice", {"type": "required"}, "is no object with one of the types"),
        ("tool_choice", {"name": "f"}, "is no object with one of the types"),
        ("tool_choice", {"type": "none", "name": "f"}, "tool_choice.none.name: Extra inputs"),
        ("tool_choice", {"type": "any"}, "Thinking may not be enabled"),
        ("tool_choice", {"type": "tool", "name": "f"}, "Thinking may not be enabled"),
        ("tools.0.name", "a b", "Invalid tool name"),
        ("tools.+", {"name": "f", "input_schema": SCHEMA}, "must differ"),
        ("tools.0.input_schema", {"type": "array"}, "must have type 'object'"),
        ("tools.1.type", "web_search_20991231", "does not match any"),
        ("tools.1.name", "search", "Input should be 'web_search'"),
        ("system.0.text", " ", "non-whitespace"),
        ("messages", [], "at least one message"),
        ("messages.0.role", "assistant", "first message must use"),
        ("messages.0.role", "tool", "Input should be 'user' or 'assistant'"),
        ("messages.0.name", "x", "messages.0.name: Extra inputs"),
        ("messages.0.content", "", "non-empty content"),
        ("messages.0.content", " ", "non-whitespace"),
        ("messages.0.content", [{**TEXT, "parsed": 1}], "text.parsed: Extra inputs"),
        ("messages.0.content", [USE], "not allowed for the role"),
        ("messages.0.content", [CACHED] * 4, "maximum of 4 blocks"),
        ("messages.1.content.0.signature", "forged", "Invalid `signature`"),
        ("messages.1.content.+", {"type": "redacted_thinking", "data": "x"}, "Invalid `data`"),
        ("messages.1.content.0.thinking", "Other.", "Invalid `signature`"),
        ("messages.1.content.0", ..., "must start with a thinking block"),
        ("messages.1.content.2", ..., "server_tool_use without its result"),
        ("messages.1.content.2", ORPHAN, "has no server_tool_use"),
        ("messages.1.content.3.input", "{}", "valid dictionary"),
        ("messages.1.content.3.id", "t 1", "should match pattern"),
        ("messages.1.content.+", {**USE, "id": "t"}, "must be unique"),
        ("messages.1.content.+", USE, "without `tool_result` blocks"),
        ("messages.2.content.0.tool_use_id", "z", "unexpected `tool_use_id`"),
        ("messages.2.content.+", RESULT, "unexpected `tool_use_id`"),
        ("messages.2.content", [TEXT, {**RESULT, "tool_use_id": "t"}], "must come first"),
        ("messages.2.content.0.content", [{"type": "text", "text": ""}], "non-whitespace"),
        ("messages.2", {"role": "system", "content": "x"}, "without `tool_result` blocks"),
        ("messages.2", ..., "without `tool_result` blocks"),
        ("messages.+", {"role": "assistant", "content": "It"}, "does not support assistant"),
    ],
    "gemini": [
        ("colour", 1, 'Unknown name "colour"'),
        ("generationConfig.colour", 1, 'Unknown name "colour"'),
        ("generationConfig", {"responseJsonSchema": LOOSE}, "needs response_mime_type"),
        (
            "generationConfig",
            {"responseMimeType": "application/json", "responseJsonSchema": REFERS},
            "cannot have keywords beside it",
        ),
        (
            "generationConfig.thinkingConfig",
            {"thinkingLevel": "LOW", "thinkingBudget": 1},
            "only one of thinking budget",
        ),
        ("generationConfig.responseSchema", LOOSE, "needs response_mime_type"),
        ("tools.+", DECLARED, "must differ"),
        ("tools.+", {"webSearch": {}}, 'Unknown name "webSearch"'),
        ("tools.0.functionDeclarations.0.name", "1f", "Invalid tool name"),
        ("tools.0.functionDeclarations.0.parametersJsonSchema", {"type": "X"}, "type 'object'"),
        ("tools.0.functionDeclarations.0.parameters", LOOSE, "only one of parameters"),
        ("toolConfig", ..., "include_server_side_tool_invocations"),
        ("toolConfig.functionCallingConfig", {"mode": "required"}, "Invalid value at"),
        (
            "toolConfig.functionCallingConfig",
            {"mode": "ANY", "allowedFunctionNames": ["g"]},
            "not among the function declarations",
        ),
        (
            "toolConfig.functionCallingConfig",
            {"mode": "AUTO", "allowedFunctionNames": ["f"]},
            "only be set when the mode",
        ),
        ("contents", [], "contents is not specified"),
        ("contents.0", ..., "starts and ends with a user turn"),
        ("contents.+", {"role": "model", "parts": [{"text": "x"}]}, "starts and ends"),
        ("contents.+", {"role": "user", "parts": [{"text": "x"}]}, "alternate"),
        ("contents.1.role", "assistant", "valid role"),
        ("contents.0.parts", [], "must not be empty"),
        ("contents.0.parts.0", {}, "required oneof"),
        ("contents.0.parts.0.text", "", "text must not be empty"),
        ("contents.1.parts.2.functionCall.args", "{}", "must be an object"),
        ("contents.2.parts.0.functionResponse.response", "1", "a response that is an object"),
        ("contents.2.parts.1", ..., "number of function response parts"),
        ("contents.2.parts", [{"text": "x"}], "followed by its responses"),
        ("contents.0.parts.+", RESPONSE, "immediately after a function call turn"),
        ("contents.2.parts.0.functionResponse.id", "z", "has no call"),
        ("contents.2.parts.0.functionResponse.name", "g", "another name"),
        ("contents.1.parts.2.thoughtSignature", ..., "missing a thought_signature"),
        ("contents.1.parts.2.thoughtSignature", "Zm9yZ2Vk", "not valid"),
        ("contents.1.parts.0.toolCall.id", "", "needs its id"),
        ("contents.1.parts.0.thoughtSignature", ..., "needs its thought_signature"),
        ("contents.1.parts.1", ..., "tool_call without tool_response"),
        ("contents.1.parts.0", ..., "has no tool_call"),
    ],
}
CASES = [
    pytest.param(protocol, where, value, said, id=f"{protocol}-{where}-{said}")
    for protocol, cases in BROKEN.items()
    for where, value, said in cases
]


@pytest.mark.parametrize(("protocol", "where", "value", "said"), CASES)
def test_refuses(protocol: str, where: str, value: Any, said: str) -> None:
    """A right request with one thing broken is refused for that thing."""
    why = refused(protocol, changed(BODIES[protocol](), where, value))
    assert why is not None
    assert said in why


@pytest.mark.parametrize(
    ("protocol", "headers", "status"),
    [
        ("chat", {"authorization": "Bearer "}, 401),
        ("responses", {}, 401),
        ("responses", {"authorization": "Basic x"}, 401),
        ("responses", {"x-api-key": "k"}, 401),
        ("messages", {"anthropic-version": "2026-10-21"}, 401),
        ("messages", {"authorization": "Bearer k"}, 400),
        ("gemini", {}, 403),
        ("gemini", {"authorization": "Bearer k"}, 403),
    ],
)
def test_refuses_a_missing_or_wrong_key(
    protocol: str, headers: dict[str, str], status: int
) -> None:
    """Each protocol wants its key in its own header, and Anthropic a version."""
    why = refused(protocol, BODIES[protocol](), headers)
    assert (why.status if isinstance(why, Refused) else 400) == status
    assert why is not None


def test_both_keys_of_anthropic_are_taken() -> None:
    """Anthropic takes a bearer token and an API key."""
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    assert refused("messages", messages_body(), headers) is None


def test_sampling_is_taken_by_an_old_version_of_anthropic() -> None:
    """`temperature` went with version 2026-10-21."""
    body = changed(messages_body(), "temperature", 0.5)
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert refused("messages", body, headers) is None


@pytest.mark.parametrize(
    ("model", "takes_sampling"),
    [("gpt-5.4", False), ("o4-mini", False), ("gpt-4.1", True), ("gpt-5-chat-latest", True)],
)
def test_models_that_reason_take_no_sampling(model: str, takes_sampling: bool) -> None:
    """A model takes either `reasoning` or sampling parameters."""
    plain = {"model": model, "stream": True, "input": "x"}
    assert (refused("responses", {**plain, "temperature": 1}) is None) is takes_sampling
    assert (refused("responses", {**plain, "reasoning": {}}) is None) is not takes_sampling
    include = {"include": ["reasoning.encrypted_content"]}
    assert (refused("responses", {**plain, **include}) is None) is not takes_sampling


def test_required_tools_must_be_there() -> None:
    """A tool cannot be required where there is none."""
    body = {"model": "gpt-5.4", "stream": True, "input": "x", "tool_choice": "required"}
    assert "with 'tools'" in str(refused("responses", body))
    anthropic = changed(changed(messages_body(), "thinking", ...), "tools", ...)
    choice = changed(anthropic, "tool_choice", {"type": "any"})
    assert "while providing tools" in str(refused("messages", choice))


def test_sampling_without_reasoning() -> None:
    """Newer models of OpenAI take sampling parameters as long as they do not reason."""
    plain = {"stream": True, "input": "x", "top_p": 1, "reasoning": {"effort": "none"}}
    assert refused("responses", {**plain, "model": "gpt-5.4"}) is None
    assert "'top_p'" in str(refused("responses", {**plain, "model": "gpt-5"}))


@pytest.mark.parametrize(
    ("model", "kind", "taken"),
    [
        ("claude-haiku-4-5", "adaptive", False),
        ("claude-sonnet-4-6", "adaptive", True),
        ("claude-opus-4-8", "enabled", False),
        ("claude-opus-5", "disabled", True),
        ("claude-opus-5-5", "disabled", False),
        ("claude-sonnet-5-5", "between_tools", True),
        ("another", "enabled", True),
    ],
)
def test_ways_to_think(model: str, kind: str, taken: bool) -> None:
    """A model takes the ways to think of its family."""
    body = {"model": model, "stream": True, "max_tokens": 4000, "messages": [USER]}
    why = refused("messages", {**body, "thinking": {"type": kind, "budget_tokens": 2000}})
    assert why is None if taken else "is not supported by this model" in str(why)


def test_models_that_cannot_be_forced() -> None:
    """The newest models of Anthropic choose themselves whether to call a tool."""
    body = changed(changed(messages_body(), "thinking", ...), "tool_choice", {"type": "any"})
    assert refused("messages", body) is None
    unknown = changed(body, "tool_choice", {"type": "tool", "name": "g"})
    assert "there is no tool 'g'" in str(refused("messages", unknown))
    newest = changed(body, "model", "claude-opus-5-5")
    assert "'any' is not supported" in str(refused("messages", newest))


def test_grok_searches_x() -> None:
    """Grok's own search is a tool on Grok's path alone."""
    body = changed(responses_body(), "tools.2.type", "x_search")
    assert refused("responses", body, path="/xai/v1/responses") is None


def test_stored_reasoning_needs_no_encrypted_content() -> None:
    """With `store`, OpenAI knows its reasoning by id."""
    body = changed(responses_body(), "input.1.encrypted_content", ...)
    assert refused("responses", changed(body, "store", ...)) is None


@pytest.mark.parametrize(
    ("model", "tool", "taken"),
    [
        ("claude-haiku-4-5", "web_search_20250305", True),
        ("claude-haiku-4-5", "web_search_20260209", False),
        ("claude-opus-4-6", "web_search_20260209", True),
        ("claude-opus-4-6", "web_search_20260318", False),
        ("claude-opus-5", "web_search_20260318", True),
    ],
)
def test_versions_of_web_search(model: str, tool: str, taken: bool) -> None:
    """A model takes the search tools of its time and before."""
    body = changed(changed(messages_body(), "tools.1.type", tool), "model", model)
    del body["thinking"]
    why = refused("messages", body)
    assert why is None if taken else "does not support tool types" in str(why)


def test_a_paused_turn_is_taken_as_it_is() -> None:
    """A use without result may end the conversation: the model goes on."""
    paused = [TEXT, SERVED]
    body: Body = {**messages_body(), "messages": [USER, {"role": "assistant", "content": paused}]}
    assert refused("messages", body) is None
    body["messages"].append(USER)
    assert "without its result" in str(refused("messages", body))


def test_a_call_after_a_thought_needs_it_back() -> None:
    """With adaptive thinking, the call's id tells whether it came after a thought."""
    adaptive = changed(messages_body(), "thinking", {"type": "adaptive"})
    bare = changed(adaptive, "messages.1.content.0", ...)
    assert refused("messages", bare) is None
    thought = json.loads(json.dumps(bare).replace('"t"', '"toolu_1_0_thought"'))
    assert "must start with a thinking block" in str(refused("messages", thought))


def test_an_error_result_needs_words() -> None:
    """A result that is an error cannot be empty."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": "", "is_error": True}
    body = changed(messages_body(), "messages.2.content.0", result)
    assert "cannot be empty" in str(refused("messages", body))


@pytest.mark.parametrize("key", ["responseSchema", "responseJsonSchema"])
def test_old_gemini_takes_a_schema_or_tools(key: str) -> None:
    """Before the third family, JSON output goes with neither functions nor builtin tools."""
    config = {"responseMimeType": "application/json", key: LOOSE}
    body: Body = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}
    body["generationConfig"] = config
    assert refused("gemini", body, model="gemini-2.5-flash") is None
    tools: list[Body] = [DECLARED, {"googleSearch": {}}]
    for tool in tools:
        combined = {**body, "tools": [tool]}
        assert "is unsupported" in str(refused("gemini", combined, model="gemini-2.5-flash"))
        assert refused("gemini", combined, model="gemini-3-pro") is None


def test_models_that_cannot_be_held_to_a_schema() -> None:
    """Older models take no schema for the reply."""
    text = changed(FORMAT, "format.schema", SCHEMA)
    spoken: Body = {"model": "m", "stream": True, "input": "x", "text": text}
    assert refused("responses", spoken, model="gpt-4.1") is None
    assert "'json_schema' is not" in str(refused("responses", spoken, model="gpt-4-turbo"))
    message: Body = {**messages_body(), "output_config": changed(HELD, "format.schema", SCHEMA)}
    assert refused("messages", message) is None
    assert "structured outputs" in str(refused("messages", message, model="claude-sonnet-4-0"))


def test_old_gemini_combines_no_tools() -> None:
    """Before the third family, builtin tools and functions exclude each other."""
    body = gemini_body()
    del body["contents"][1:]
    said = refused("gemini", body, model="gemini-2.5-pro")
    assert "unsupported by this model" in str(said)
    level = {"thinkingConfig": {"thinkingLevel": "LOW"}}
    plain = {"contents": body["contents"], "generationConfig": level}
    assert "level is not supported" in str(refused("gemini", plain, model="gemini-2.5-pro"))


def test_old_gemini_signs_nothing() -> None:
    """Before the third family, calls have neither id nor signature: name and order match."""
    call = {"functionCall": {"name": "f", "args": {}}}
    answer = {"functionResponse": {"name": "f", "response": {}}}
    contents = [
        {"role": "user", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [call, call]},
        {"role": "user", "parts": [answer, answer]},
    ]
    assert refused("gemini", {"contents": contents}, model="gemini-2.5-pro") is None
    other = changed({"contents": contents}, "contents.2.parts.1.functionResponse.name", "g")
    assert "has no call" in str(refused("gemini", other, model="gemini-2.5-pro"))


@pytest.mark.parametrize("sent", BYPASS)
def test_gemini_takes_calls_of_others(sent: str) -> None:
    """A call that another model has made is marked as such, instead of signed."""
    body = changed(gemini_body(), "contents.1.parts.2.thoughtSignature", sent)
    assert refused("gemini", body) is None


def test_signatures_of_gemini_are_asked_for_in_the_turn_that_goes_on() -> None:
    """What lies before the user's last words needs no signature."""
    body = changed(gemini_body(), "contents.1.parts.2.thoughtSignature", ...)
    body["contents"].append({"role": "model", "parts": [{"text": "Rain."}]})
    body["contents"].append({"role": "user", "parts": [{"text": "Sure?"}]})
    assert refused("gemini", body) is None


@pytest.mark.parametrize("protocol", BODIES)
def test_a_body_that_is_no_object(protocol: str) -> None:
    """A body that is no object is refused, by every protocol."""
    assert refused(protocol, ["x"]) is not None
