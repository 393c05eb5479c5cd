"""A request to `streamGenerateContent`, made from LangChain messages and tool schemas.

It is the JSON of the REST API: what the SDK knows of it is less than what the API takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..base import BuiltinTool
from ..tool_choice import ChoiceForm
from .contents import Conversation
from .structured import Route, instruction, union_schema

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

    from ..base import ToolSchema
    from .models import Profile

BUILTIN_KEYS: Mapping[BuiltinTool, str] = {
    "web_search": "googleSearch",
    "code_execution": "codeExecution",
    "url_context": "urlContext",
}

_CHOICES = ChoiceForm(
    {"auto": {}, "any": {"mode": "ANY"}, "none": {"mode": "NONE"}},
    lambda name: {"mode": "ANY", "allowedFunctionNames": [name]},
)
"""How `functionCallingConfig` says it."""

_GENERATION: Mapping[str, str] = {
    "max_tokens": "maxOutputTokens",
    **{
        name: camel
        for camel, name in (
            ("candidateCount", "candidate_count"),
            ("frequencyPenalty", "frequency_penalty"),
            ("logprobs", "logprobs"),
            ("maxOutputTokens", "max_output_tokens"),
            ("mediaResolution", "media_resolution"),
            ("presencePenalty", "presence_penalty"),
            ("responseJsonSchema", "response_json_schema"),
            ("responseLogprobs", "response_logprobs"),
            ("responseMimeType", "response_mime_type"),
            ("responseModalities", "response_modalities"),
            ("seed", "seed"),
            ("stopSequences", "stop_sequences"),
            ("temperature", "temperature"),
            ("thinkingConfig", "thinking_config"),
            ("topK", "top_k"),
            ("topP", "top_p"),
        )
    },
}
"""Parameters that the API has in `generationConfig`."""

_WHOLE: Mapping[str, str] = {
    "cached_content": "cachedContent",
    "generation_config": "generationConfig",
    "safety_settings": "safetySettings",
    "service_tier": "serviceTier",
    "system_instruction": "systemInstruction",
    "tool_config": "toolConfig",
}
"""Parameters beside it, as Python and the SDK write them."""

_ELSEWHERE = ("model", "tool_choice")
"""Parameters that stand in the URL, and beside the tools."""


def request_body(
    messages: Sequence[AnyMessage],
    tools: Sequence[ToolSchema],
    params: Mapping[str, Any],
    *,
    profile: Profile,
    builtin: Sequence[BuiltinTool],
    route: Route,
) -> dict[str, Any]:
    """Return the body of a streaming request.

    Args:
        messages: The conversation.
        tools: What the model may call.
        params: Parameters, by our names, Python's or the API's; what is None is left out. Where
            tools are functions, `tool_choice` is one of our words, or the name of a tool.
        profile: What the model takes.
        builtin: The builtin tools that are switched on.
        route: How the tools are offered.

    Raises:
        BadRequestError: When the API has no such message.
    """
    native = route == "native"
    said = Conversation(native=native, signs=profile.signs, system=profile.system)
    leading = next((n for n, m in enumerate(messages) if m.type != "system"), len(messages))
    said.add(messages[:leading])
    if tools and not native:
        said.instruct(instruction(tools, route))
    said.add(messages[leading:])
    body: dict[str, Any] = {"contents": said.contents}
    if said.system:
        body["systemInstruction"] = {"parts": said.system}
    declared = tools if native else ()
    if declared or builtin:
        body["tools"] = [*_functions(declared), *({BUILTIN_KEYS[name]: {}} for name in builtin)]
    if declared:
        body["toolConfig"] = _tool_config(profile, combined=bool(builtin))
        calling = _CHOICES.wire(params.get("tool_choice") or "auto", declared)
        _merge(body["toolConfig"], {"functionCallingConfig": calling})
    body["generationConfig"] = _generation(profile, tools if route == "schema" else ())
    for layer in _layers(params, profile):
        _merge(body, layer)
    return body


def _functions(tools: Sequence[ToolSchema]) -> list[dict[str, Any]]:
    if not tools:
        return []
    return [{"functionDeclarations": [_function(tool) for tool in tools]}]


def _function(tool: ToolSchema) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parametersJsonSchema": dict(tool.parameters)}


def _tool_config(profile: Profile, *, combined: bool) -> dict[str, Any]:
    mode = "VALIDATED" if profile.validates else "AUTO"
    config: dict[str, Any] = {"functionCallingConfig": {"mode": mode}}
    if combined:
        config["includeServerSideToolInvocations"] = True
    return config


def _generation(profile: Profile, tools: Sequence[ToolSchema]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if profile.thoughts:
        config["thinkingConfig"] = {"includeThoughts": True}
    if tools:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = union_schema(tools)
    return config


def _layers(params: Mapping[str, Any], profile: Profile) -> Iterator[dict[str, Any]]:
    """Yield the parameters, each where the API has it."""
    for name, value in params.items():
        if value is None or name in profile.refused or name in _ELSEWHERE:
            continue
        if name == "reasoning_effort":
            yield {"generationConfig": {"thinkingConfig": _thinking(profile, value)}}
        elif name in _GENERATION:
            yield {"generationConfig": {_GENERATION[name]: value}}
        else:
            yield {_WHOLE.get(name, name): value}


def _thinking(profile: Profile, effort: Any) -> dict[str, Any]:
    amount = profile.efforts.get(effort)
    if amount is None:
        return {}
    return {"thinkingLevel" if isinstance(amount, str) else "thinkingBudget": amount}


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put what a mapping holds over another one, in mappings within, too; None takes away."""
    for name, value in more.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, Mapping):
            inner: Any = into.get(name)
            into[name] = dict(inner) if isinstance(inner, Mapping) else {}  # never the caller's
            _merge(into[name], cast("Mapping[str, Any]", value))
        else:
            into[name] = value
