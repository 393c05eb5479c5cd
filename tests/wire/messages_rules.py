"""What Anthropic's Messages refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import rules
from .messages_conversation import block_problems, conversation
from .reply import Request, Unauthorized

NAME = r"[a-zA-Z0-9_-]{1,128}"
KEYS = rules.words(
    "cache_control container context_management diagnostics inference_geo max_tokens messages "
    "metadata model output_config prefill service_tier speed stop_sequences stream system "
    "thinking tool_choice tools user_profile_id workspace_id"
)
SAMPLING = ("temperature", "top_p", "top_k")
"""Gone since version 2026-10-21."""
OLD_VERSIONS = ("2023-01-01", "2023-06-01")

TOOLS: Mapping[str, str | None] = {
    "custom": None,
    "bash_20250124": "bash",
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
    "memory_20250818": "memory",
    "web_search_20250305": "web_search",
    "web_search_20260209": "web_search",
    "web_search_20260318": "web_search",
    "web_fetch_20250910": "web_fetch",
    "web_fetch_20260209": "web_fetch",
    "web_fetch_20260309": "web_fetch",
    "web_fetch_20260318": "web_fetch",
    "code_execution_20250522": "code_execution",
    "code_execution_20250825": "code_execution",
    "code_execution_20260120": "code_execution",
    "code_execution_20260521": "code_execution",
    "tool_search_tool_bm25_20251119": "tool_search_tool_bm25",
    "tool_search_tool_regex_20251119": "tool_search_tool_regex",
}
"""The name that each type of tool must have."""
NEWEST: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"claude-(3|(opus|sonnet)-4-[015]|(opus|sonnet)-4-2025|haiku-4).*"), 20251231),
    (re.compile(r"claude-((opus|sonnet)-4-[678]|mythos-preview).*"), 20260209),
)
"""The newest web tools that older models take, by date; the models of today take all."""


THINKING: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(pattern), rules.words(kinds))
    for pattern, kinds in (
        (r"claude-(3|(opus|sonnet)-4-[015]|(opus|sonnet)-4-2025|haiku-4).*", "enabled disabled"),
        (r"claude-(opus|sonnet)-4-6.*", "enabled adaptive disabled"),
        (r"claude-opus-4-[78].*", "adaptive disabled"),
        (r"claude-mythos-preview", "enabled adaptive"),
        (r"claude-sonnet-5-5.*", "adaptive between_tools"),
        (r"claude-haiku-5-5.*|claude-(sonnet|opus)-5", "adaptive disabled"),
        (r"claude-(fable|mythos|opus)-5.*", "adaptive"),
        (r".*", "enabled adaptive between_tools disabled"),
    )
)
"""The ways to think that a model takes, the first line that fits."""
CHOICES: Mapping[str, frozenset[str]] = {
    "auto": rules.words("type disable_parallel_tool_use"),
    "any": rules.words("type disable_parallel_tool_use"),
    "tool": rules.words("type name disable_parallel_tool_use"),
    "none": rules.words("type"),
}
"""The types of a tool choice, and the keys of each."""
NO_FORMAT = re.compile(r"claude-(2|3|(opus|sonnet)-4(-0|-1|-2025.*)?$).*")
"""Models whose reply cannot be held to a schema."""
UNHELD = rules.words(
    "exclusiveMaximum exclusiveMinimum maxItems maxLength maximum minLength minimum multipleOf "
    "oneOf"
)
"""What a reply cannot be held to."""
UNFORCED = re.compile(r"claude-((sonnet|opus)-5-5|(fable|mythos)-5-\d).*")
"""Models that cannot be forced to call a tool."""


def problem(request: Request) -> str | None:
    """Return why Anthropic would not take this request, or None."""
    return rules.first_problem(request, RULES)


def _key(request: Request) -> Iterator[str]:
    if not request.headers.get("x-api-key"):
        for _ in rules.bearer(request):
            yield Unauthorized("x-api-key header is required")
    if not request.headers.get("anthropic-version"):
        yield "anthropic-version: header is required"


def _parameters(request: Request) -> Iterator[str]:
    body = request.body
    for name in SAMPLING:
        if name in body and request.headers["anthropic-version"] not in OLD_VERSIONS:
            yield f"{name}: this parameter was removed in anthropic-version 2026-10-21"
    for key in set(body) - KEYS - set(SAMPLING):
        yield f"{key}: Extra inputs are not permitted"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or limit < 1:
        yield "max_tokens: Field required, an integer greater than 0"
    if _cache_marks([body.get(key) for key in ("tools", "system", "messages")]) > 4:
        yield "A maximum of 4 blocks with cache_control may be provided."


def _cache_marks(value: Any) -> int:
    if isinstance(value, list):
        return sum(_cache_marks(inner) for inner in value)
    if not isinstance(value, dict):
        return 0
    mine = value.get("cache_control") is not None
    return int(mine) + _cache_marks(value.get("content"))


def _thinking(request: Request) -> Iterator[str]:
    thinking = request.body.get("thinking")
    if thinking is None:
        return
    kind = thinking["type"]
    taken = next(kinds for pattern, kinds in THINKING if pattern.fullmatch(request.model))
    if kind not in taken:
        yield f"thinking.type: {kind!r} is not supported by this model; use {sorted(taken)}"
    if kind == "enabled":
        budget = thinking.get("budget_tokens", 0)
        if budget < 1024:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        if budget >= request.body["max_tokens"]:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`"


def _output(request: Request) -> Iterator[str]:
    config = request.body.get("output_config") or {}
    for key in config.keys() - {"effort", "format"}:
        yield f"output_config.{key}: Extra inputs are not permitted"
    wanted = config.get("format")
    if wanted is None:
        return
    if wanted.keys() != {"type", "schema"} or wanted["type"] != "json_schema":
        yield "output_config.format: expected {'type': 'json_schema', 'schema': ...}"
    if NO_FORMAT.fullmatch(request.model):
        yield "output_config.format: this model does not support structured outputs"
    yield from rules.shape(wanted["schema"], "output_config.format")
    yield from _held(wanted["schema"])


def _held(schema: Any) -> Iterator[str]:
    """Refuse what no reply can be held to."""
    where = "output_config.format.schema"
    for word in sorted(schema.keys() & UNHELD):
        yield f"{where}: For {schema.get('type')!r} type, property {word!r} is not supported"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield f"{where}: 'additionalProperties' must be explicitly set to false"
    for part in rules.inner(schema):
        yield from _held(part)


def _choice(request: Request) -> Iterator[str]:
    choice = request.body.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in CHOICES:
        yield f"tool_choice: {choice!r} is no object with one of the types {[*CHOICES]}"
        return
    for key in choice.keys() - CHOICES[kind]:
        yield f"tool_choice.{kind}.{key}: Extra inputs are not permitted"
    if kind in ("auto", "none"):
        return
    if (request.body.get("thinking") or {}).get("type", "disabled") != "disabled":
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if UNFORCED.fullmatch(request.model):
        yield f"tool_choice.type: {kind!r} is not supported by this model"


def _tools(request: Request) -> Iterator[str]:
    tools = request.body.get("tools") or ()
    for index, tool in enumerate(tools):
        yield from _tool(tool, f"tools.{index}", request.model)
    names = [tool["name"] for tool in tools]
    yield from rules.tool_names(names, NAME)
    choice = request.body.get("tool_choice") or {}
    if choice and not tools:
        yield "tool_choice may only be specified while providing tools."
    if choice.get("type") == "tool" and choice.get("name") not in names:
        yield f"tool_choice.name: there is no tool {choice.get('name')!r}"


def _tool(tool: Mapping[str, Any], where: str, model: str) -> Iterator[str]:
    kind = tool.get("type") or "custom"
    if kind not in TOOLS:
        yield f"{where}: Input tag {kind!r} found using 'type' does not match any of the expected"
        return
    name = TOOLS[kind]
    if name is None:
        yield from rules.parameters(tool.get("input_schema"), f"{where}.custom.input_schema")
    elif tool.get("name") != name:
        yield f"{where}.{kind}.name: Input should be {name!r}"
    if kind.startswith("web_"):
        for pattern, newest in NEWEST:
            if pattern.fullmatch(model) and int(kind.rpartition("_")[2]) > newest:
                yield f"{model!r} does not support tool types: {kind}."


def _system(request: Request) -> Iterator[str]:
    system = request.body.get("system")
    if isinstance(system, list):
        for index, block in enumerate(system):
            yield from block_problems(block, "system", f"system.{index}")


RULES: tuple[rules.Rule, ...] = (
    _key,
    rules.streamed,
    _parameters,
    _thinking,
    _output,
    _choice,
    _tools,
    _system,
    conversation,
)
