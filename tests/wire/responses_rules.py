"""What OpenAI's Responses refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import rules
from .reply import Request
from .turn import seal

NAME = r"[a-zA-Z0-9_-]{1,64}"
KEYS = rules.words(
    "access_programs background background_options context_management conversation include input "
    "instructions max_output_tokens max_tool_calls metadata model moderation parallel_tool_calls "
    "previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention "
    "reasoning safety_identifier service_tier store stream stream_options temperature text "
    "tool_choice tools top_logprobs top_p truncation user"
)
GROK_KEYS = KEYS | {"search_parameters"}
INCLUDE = frozenset(
    {
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "message.input_image.image_url",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
        "reasoning.encrypted_content",
        "message.output_text.logprobs",
    }
)
GROK_INCLUDE = INCLUDE | {"inline_citations", "no_inline_citations"}
TOOLS = frozenset(
    {
        "function",
        "custom",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "code_interpreter",
        "file_search",
        "image_generation",
        "mcp",
        "shell",
        "local_shell",
        "apply_patch",
        "computer",
        "tool_search",
    }
)
GROK_TOOLS = TOOLS | {"x_search"}

REASONS = re.compile(r"(o\d|gpt-5(?!.*chat)).*")
"""Models that reason: they take `reasoning`, but no sampling parameters."""
DOES_NOT = re.compile(r"(gpt-3|gpt-4|chatgpt-|gpt-5.*chat).*")
"""Models of OpenAI that do not reason."""
AT_NONE = re.compile(r"gpt-5\.\d.*")
"""Models that take sampling parameters as long as they do not reason."""
NO_FORMAT = re.compile(r"gpt-3.*|gpt-4(-.*)?|chatgpt-.*|o1-(mini|preview).*")
"""Models of OpenAI that take no schema for the reply."""
SAMPLING = ("temperature", "top_p", "top_logprobs")

PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "web_search_call": "ws",
    "code_interpreter_call": "ci",
}
"""How the id of an item begins, where it has one."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "user": ("input_text", "input_image", "input_file"),
    "system": ("input_text",),
    "developer": ("input_text",),
    "assistant": ("output_text", "refusal"),
}
"""The parts that a message of each role may hold."""
OF_THE_MODEL = ("message", "function_call", "web_search_call", "code_interpreter_call")


def problem(request: Request) -> str | None:
    """Return why OpenAI would not take this request, or None."""
    return rules.first_problem(request, RULES)


def _is_grok(request: Request) -> bool:
    return request.path.startswith("/xai/") or request.model.startswith("grok")


def _keys(request: Request) -> Iterator[str]:
    yield from rules.unknown_keys(request.body, GROK_KEYS if _is_grok(request) else KEYS)


def _parameters(request: Request) -> Iterator[str]:
    body, model = request.body, request.model
    effort = (body.get("reasoning") or {}).get("effort")
    if REASONS.fullmatch(model) and not (effort == "none" and AT_NONE.fullmatch(model)):
        for name in SAMPLING:
            if body.get(name) is not None:
                yield f"Unsupported parameter: {name!r} is not supported with this model."
    if DOES_NOT.fullmatch(model):
        if body.get("reasoning") is not None:
            yield "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        if "reasoning.encrypted_content" in (body.get("include") or ()):
            yield "Encrypted content is not supported with this model."
    limit = body.get("max_output_tokens")
    if limit is not None and limit < 16:
        yield f"Invalid 'max_output_tokens': expected a value >= 16, but got {limit}."
    known = GROK_INCLUDE if _is_grok(request) else INCLUDE
    for value in body.get("include") or ():
        if value not in known:
            yield f"Invalid value: {value!r}. Supported values are: {sorted(known)}."
    if body.get("previous_response_id") is not None:
        yield f"Previous response with id {body['previous_response_id']!r} not found."


def _tools(request: Request) -> Iterator[str]:
    tools = request.body.get("tools") or ()
    for index, tool in enumerate(tools):
        yield from _tool(tool, f"tools[{index}]", GROK_TOOLS if _is_grok(request) else TOOLS)
    names = [tool["name"] for tool in tools if tool["type"] == "function"]
    yield from rules.tool_names(names, NAME)
    choice = request.body.get("tool_choice")
    if isinstance(choice, dict):
        if "type" not in choice:
            yield "Missing required parameter: 'tool_choice.type'."
        elif choice["type"] == "function" and choice.keys() != {"type", "name"}:
            yield f"Invalid value: {choice!r}. Expected {{'type': 'function', 'name': ...}}."
        elif choice["type"] == "function" and choice["name"] not in names:
            yield f"Tool choice {choice['name']!r} not found in 'tools' parameter."
    elif choice not in (None, "auto", "none", "required"):
        yield f"Invalid value: {choice!r}. Supported values are: 'none', 'auto', and 'required'."
    elif choice == "required" and not tools:
        yield "Tool choice 'required' must be specified with 'tools' parameter."


def _tool(tool: Mapping[str, Any], where: str, known: frozenset[str]) -> Iterator[str]:
    if tool.get("type") not in known:
        yield f"Invalid value: {tool.get('type')!r} for '{where}.type'."
    if tool.get("type") == "code_interpreter" and not tool.get("container"):
        yield f"Missing required parameter: '{where}.container'."
    if tool.get("type") != "function":
        return
    if "function" in tool:
        yield f"Unknown parameter: '{where}.function'."
    if not tool.get("name"):
        yield f"Missing required parameter: '{where}.name'."
        return
    schema = tool.get("parameters")
    if schema is not None:
        yield from rules.parameters(schema, f"function {tool['name']!r}")
        if tool.get("strict"):
            yield from rules.strict(schema, f"function {tool['name']!r}")


def _format(request: Request) -> Iterator[str]:
    wanted = (request.body.get("text") or {}).get("format") or {"type": "text"}
    if wanted["type"] != "json_schema":
        return
    if NO_FORMAT.fullmatch(request.model):
        yield "Invalid parameter: 'text.format' of type 'json_schema' is not supported."
    yield from rules.json_schema(wanted, "text.format", subset=not _is_grok(request))


def _input(request: Request) -> Iterator[str]:
    given = request.body.get("input")
    if not given:
        yield "One of 'input' or 'previous_response_id' or 'prompt' must be provided."
    if not isinstance(given, list):
        return
    for index, item in enumerate(given):
        kind = item.get("type", "message")
        check = ITEMS.get(kind)
        if check is None:
            yield f"Invalid value: {kind!r} for 'input[{index}].type'."
            continue
        prefix = PREFIXES.get(kind)
        made = item.get("id")
        if made is not None and prefix is not None and not str(made).startswith(prefix):
            yield (
                f"Invalid 'input[{index}].id': {made!r}. "
                f"Expected an ID that begins with '{prefix}'."
            )
        yield from check(item, f"input[{index}]")
    yield from _reasoning_items(given, stored=request.body.get("store") is not False)
    yield from _calls(given)


def _message(item: Mapping[str, Any], where: str) -> Iterator[str]:
    parts = PARTS.get(item.get("role", ""))
    if parts is None:
        yield f"Invalid value: {item.get('role')!r} for '{where}.role'."
        return
    content = item.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        yield f"Missing required parameter: '{where}.content'."
        return
    for index, part in enumerate(content):
        if part.get("type") not in parts:
            kind = part.get("type")
            yield f"Invalid value: {kind!r} for '{where}.content[{index}].type': use {parts}."


def _fields(*names: str) -> Callable[[Mapping[str, Any], str], Iterator[str]]:
    """Return a check that these fields are there, and are text."""

    def check(item: Mapping[str, Any], where: str) -> Iterator[str]:
        for name in names:
            if not isinstance(item.get(name), str):
                yield f"Missing required parameter: '{where}.{name}' must be a string."

    return check


def _output(item: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _fields("call_id")(item, where)
    if not isinstance(item.get("output"), str | list):
        yield f"Missing required parameter: '{where}.output'."


def _reasoning(item: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _fields("id")(item, where)
    if not isinstance(item.get("summary"), list):
        yield f"Missing required parameter: '{where}.summary'."


ITEMS: Mapping[str, Callable[[Mapping[str, Any], str], Iterator[str]]] = {
    "message": _message,
    "function_call": _fields("call_id", "name", "arguments"),
    "function_call_output": _output,
    "reasoning": _reasoning,
    "web_search_call": _fields("id", "status"),
    "code_interpreter_call": _fields("id", "container_id"),
}
"""The items an input may hold."""


def _reasoning_items(items: Sequence[Mapping[str, Any]], *, stored: bool) -> Iterator[str]:
    for index, item in enumerate(items):
        if item.get("type") != "reasoning":
            continue
        sealed = item.get("encrypted_content")
        if not sealed and not stored:
            yield (
                f"Item with id {item['id']!r} not found. Items are not persisted when `store` is "
                "set to false: send its encrypted_content."
            )
        if sealed and sealed != seal("reasoning", item["id"]):
            yield f"The encrypted content for item {item['id']} could not be verified."
        after = items[index + 1] if index + 1 < len(items) else {}
        follows = after.get("type", "message")
        of_model = after.get("role") == "assistant" or follows in OF_THE_MODEL[1:]
        if not of_model and follows != "reasoning":
            yield (
                f"Item {item['id']!r} of type 'reasoning' was provided without its required "
                "following item."
            )


def _calls(items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    asked: list[str] = []
    for item in items:
        if item.get("type") == "function_call":
            if item["call_id"] in asked:
                yield f"Duplicate call_id {item['call_id']!r} in input."
            asked.append(item["call_id"])
        elif item.get("type") == "function_call_output":
            if item["call_id"] not in asked:
                yield f"No tool call found for function call output with call_id {item['call_id']}."
            else:
                asked.remove(item["call_id"])
    for call_id in asked:
        yield f"No tool output found for function call {call_id}."


RULES: tuple[rules.Rule, ...] = (
    rules.bearer,
    rules.streamed,
    _keys,
    _parameters,
    _tools,
    _format,
    _input,
)
