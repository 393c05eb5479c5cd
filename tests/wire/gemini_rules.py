"""What Gemini's generate content refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import rules
from .gemini_contents import calls, contents, invocations, signatures
from .gemini_json import as_key, camel, is_three
from .reply import Refused, Request

NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"
KEYS = rules.words(
    "cachedContent contents generationConfig labels model safetySettings serviceTier store "
    "systemInstruction toolConfig tools"
)
CONFIG_KEYS = rules.words(
    "audioTimestamp candidateCount enableAffectiveDialog enableEnhancedCivicAnswers "
    "frequencyPenalty imageConfig logprobs maxOutputTokens mediaResolution presencePenalty "
    "responseFormat responseJsonSchema responseLogprobs responseMimeType responseModalities "
    "responseSchema seed speechConfig stopSequences temperature thinkingConfig topK topP"
)
BUILTIN = rules.words(
    "codeExecution computerUse enterpriseWebSearch fileSearch googleMaps googleSearch "
    "googleSearchRetrieval mcpServers urlContext"
)


class Forbidden(Refused):
    """Refused for want of a key, as Google does."""

    status = 403


def problem(request: Request) -> str | None:
    """Return why Google would not take this request, or None."""
    return rules.first_problem(request, RULES)


def _key(request: Request) -> Iterator[str]:
    if not request.headers.get("x-goog-api-key"):
        yield Forbidden("Method doesn't allow unregistered callers: send x-goog-api-key.")
    if not isinstance(request.body, dict):
        yield "Invalid JSON payload received."


def _keys(request: Request) -> Iterator[str]:
    known = ((request.body, KEYS), (as_key(request.body, "generationConfig", {}), CONFIG_KEYS))
    for holder, keys in known:
        for key in holder:
            if camel(key) not in keys:
                yield f'Invalid JSON payload received. Unknown name "{key}": Cannot find field.'


def _config(request: Request) -> Iterator[str]:
    config = as_key(request.body, "generationConfig", {})
    thinking = as_key(config, "thinkingConfig", {})
    level, budget = as_key(thinking, "thinkingLevel"), as_key(thinking, "thinkingBudget")
    if level is not None and budget is not None:
        yield "You can only set only one of thinking budget and thinking level."
    if level is not None and not is_three(request.model):
        yield "Thinking level is not supported for this model."
    wanted = as_key(config, "responseSchema") or as_key(config, "responseJsonSchema")
    kind = as_key(config, "responseMimeType")
    if wanted is not None:
        yield from rules.shape(wanted, "response_schema")
        yield from rules.lone_refs(wanted, "response_schema")
        if request.model.startswith("gemma"):
            yield "JSON mode is not enabled for this model."
        if kind not in ("application/json", "text/x.enum"):
            yield "response_schema needs response_mime_type application/json."
    if kind == "application/json" and not is_three(request.model):
        if _declared(request):
            yield "Function calling with a response mime type: 'application/json' is unsupported"
        if _builtin(request):
            yield "Tool use with a response mime type: 'application/json' is unsupported"


def _declared(request: Request) -> list[Mapping[str, Any]]:
    tools = as_key(request.body, "tools", [])
    return [one for tool in tools for one in as_key(tool, "functionDeclarations", [])]


def _builtin(request: Request) -> list[str]:
    return [
        camel(key)
        for tool in as_key(request.body, "tools", [])
        for key in tool
        if camel(key) in BUILTIN
    ]


def _tools(request: Request) -> Iterator[str]:
    for tool in as_key(request.body, "tools", []):
        for key in tool:
            if camel(key) not in BUILTIN | {"functionDeclarations"}:
                yield f"Invalid JSON payload received. Unknown name \"{key}\" at 'tools'."
    declared = _declared(request)
    yield from rules.tool_names([one["name"] for one in declared], NAME)
    for one in declared:
        yield from _declaration(one)
    yield from _calling(request, [one["name"] for one in declared])
    if not (declared and _builtin(request)):
        return
    if not is_three(request.model):
        yield "Tool use with function calling is unsupported by this model."
    elif not as_key(as_key(request.body, "toolConfig", {}), "includeServerSideToolInvocations"):
        yield (
            "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools "
            "with Function calling."
        )


def _calling(request: Request, names: Sequence[str]) -> Iterator[str]:
    calling = as_key(as_key(request.body, "toolConfig", {}), "functionCallingConfig", {})
    mode, allowed = as_key(calling, "mode", "AUTO"), as_key(calling, "allowedFunctionNames", [])
    if mode not in ("AUTO", "ANY", "NONE", "VALIDATED"):
        yield f"Invalid value at 'tool_config.function_calling_config.mode': {mode!r}"
    if mode == "ANY" and not names:
        yield "Function calling config is set without function_declarations."
    if allowed and mode not in ("ANY", "VALIDATED"):
        yield "Allowed function names may only be set when the mode is ANY or VALIDATED."
    if unknown := sorted({*allowed} - {*names}):
        yield f"allowed_function_names: {unknown} are not among the function declarations."


def _declaration(one: Mapping[str, Any]) -> Iterator[str]:
    schemas = [as_key(one, "parameters"), as_key(one, "parametersJsonSchema")]
    given = [schema for schema in schemas if schema is not None]
    if len(given) > 1:
        yield f"{one['name']}: only one of parameters and parameters_json_schema may be set."
    for schema in given:
        yield from rules.parameters(schema, f"function {one['name']!r}")


RULES: tuple[rules.Rule, ...] = (
    _key,
    _keys,
    _config,
    _tools,
    contents,
    calls,
    invocations,
    signatures,
)
