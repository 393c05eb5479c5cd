"""How a small model chooses a tool: one small decision under a JSON schema, then free text.

The schema holds the tools' names and what has a closed form (enums, numbers, ...). Free strings
are left out: under a grammar a small model fills them with junk, and a string that is cut at the
token limit breaks the JSON. They are written afterwards, as plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from ..base import ToolSchema
from ..errors import MalformedResponseError

MAX_STRING = 100
"""Characters of a string inside a closed parameter (within a list, or an object)."""
MAX_ITEMS = 8
"""Items of a list that names no limit."""
MAX_ORDERED = 5
"""A list of unique items out of at most so many is offered as its permutations."""
SHORT_CHARS = 200
"""The longest text of a string that is filled in after a decision."""

_SENTENCE_END = re.compile(r"(?<=[.?!])\s")


@dataclass(frozen=True, slots=True)
class Choice:
    """A tool that was chosen, with the arguments of closed form."""

    tool: ToolSchema
    args: Mapping[str, Any]


def free_strings(tool: ToolSchema) -> tuple[str, ...]:
    """Return the required parameters that are strings of any content."""
    return tuple(name for name, schema in _required(tool).items() if _is_free(schema))


def answer_parameter(tool: ToolSchema) -> str | None:
    """Return the parameter of a tool that takes one free string and needs nothing else."""
    required = _required(tool)
    free = free_strings(tool)
    return free[0] if len(free) == len(required) == 1 else None


def needs_no_choice(tools: Sequence[ToolSchema]) -> bool:
    """Return whether there is one tool, and nothing of closed form to fill in."""
    return len(tools) == 1 and not _closed(tools[0])


def choice_schema(tools: Sequence[ToolSchema]) -> dict[str, Any]:
    """Return the JSON Schema of the decision: one branch a tool, in the caller's order."""
    schema: dict[str, Any] = {"anyOf": [_branch(tool) for tool in tools]}
    definitions: dict[str, Any] = {}
    for tool in tools:
        definitions |= bounded(tool.parameters.get("$defs", {}))
    return schema | ({"$defs": definitions} if definitions else {})


def choice_tokens(tools: Sequence[ToolSchema]) -> int:
    """Return more tokens than the longest decision can take."""
    schema = json.dumps(choice_schema(tools))
    return 128 + len(schema) + 2 * MAX_STRING * schema.count("maxLength")


def choice_prompt(tools: Sequence[ToolSchema]) -> str:
    """Return what tells the model to choose.

    Each tool is shown as the very JSON that calls it, followed by the first sentence of its
    description: with longer texts, or with the description first, the small model takes the last
    tool of the list whatever it is.
    """
    return "\n".join(["Reply with one of these JSON objects:", *map(_shape, tools)])


def read_choice(text: str, tools: Sequence[ToolSchema]) -> Choice:
    """Return the decision that the model wrote.

    Raises:
        MalformedResponseError: When it is none: the engine did not keep to the schema.
    """
    try:
        data: dict[str, Any] = json.loads(text)
        name = data.pop("tool")
        tool = next(tool for tool in tools if tool.name == name)
    except (ValueError, TypeError, AttributeError, KeyError, StopIteration) as exc:
        raise MalformedResponseError("The model's choice of a tool cannot be read.") from exc
    return Choice(tool, data)


def fill_prompt(tool: ToolSchema, parameter: str) -> str:
    """Return what asks for a free string, after the decision was taken.

    A description that begins with a question ("Why is this answer the best one?") is answered;
    other ones are rather repeated.
    """
    question = _first_sentence(_required(tool)[parameter].get("description", ""))
    return f"{question or parameter.capitalize() + '?'} Answer in one short sentence."


def fill_limit(tool: ToolSchema, parameter: str) -> int:
    """Return how many characters a string that is filled in may have, at least 4."""
    limit = int(_required(tool)[parameter].get("maxLength", SHORT_CHARS))
    return max(4, min(limit, SHORT_CHARS))


def tidy(text: str, limit: int, *, cut: bool = False) -> str:
    """Return a text on one line, not longer than `limit`; nothing when it holds no word.

    Args:
        text: What the model wrote.
        limit: Characters at most; what is too long ends at a word, and in `…`.
        cut: Whether the model was cut off in the middle.
    """
    line = " ".join(text.split())
    if not any(char.isalpha() for char in line):
        return ""
    if len(line) <= limit and not cut:
        return line
    return line[: max(limit - 1, 0)].rpartition(" ")[0] + "…"


def _required(tool: ToolSchema) -> dict[str, Mapping[str, Any]]:
    """Return the required parameters; the model is not bothered with optional ones."""
    properties = tool.parameters.get("properties", {})
    required = tool.parameters.get("required", ())
    return {name: schema for name, schema in properties.items() if name in required}


def _is_free(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and "enum" not in schema and "const" not in schema


def _closed(tool: ToolSchema) -> dict[str, Mapping[str, Any]]:
    return {name: schema for name, schema in _required(tool).items() if not _is_free(schema)}


def _branch(tool: ToolSchema) -> dict[str, Any]:
    closed = {name: bounded(schema) for name, schema in _closed(tool).items()}
    return {
        "type": "object",
        "properties": {"tool": {"const": tool.name}, **closed},
        "required": ["tool", *closed],
        "additionalProperties": False,
    }


def bounded(schema: Any, longest: int = MAX_STRING) -> Any:
    """Return the schema with a limit on everything that could go on for ever.

    Args:
        schema: The schema, or a part of one.
        longest: Characters of a string of any content.
    """
    if isinstance(schema, list):
        return [bounded(part, longest) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    kind = schema.get("type")
    if kind == "array":
        return _bounded_array(schema, longest)
    if kind == "string" and _is_free(schema) and not schema.keys() & {"format", "pattern"}:
        most = min(int(schema.get("maxLength", longest)), longest)
        least = min(max(1, int(schema.get("minLength", 1))), most)
        return {"type": "string", "minLength": least, "maxLength": most}
    return {k: part if k == "enum" else bounded(part, longest) for k, part in schema.items()}


def _bounded_array(schema: Mapping[str, Any], longest: int) -> dict[str, Any]:
    items = schema.get("items", {})
    enum = items.get("enum", ())
    most = int(schema.get("maxItems", len(enum) or MAX_ITEMS))
    least = int(schema.get("minItems", 0))
    if schema.get("uniqueItems") and 0 < len(enum) <= MAX_ORDERED:
        lengths = range(least, min(most, len(enum)) + 1)
        return {"enum": [list(order) for n in lengths for order in permutations(enum, n)]}
    return {"type": "array", "items": bounded(items, longest), "minItems": least, "maxItems": most}


def _shape(tool: ToolSchema) -> str:
    fields = [f'"tool": {json.dumps(tool.name)}']
    fields += [f"{json.dumps(name)}: {_values(schema)}" for name, schema in _closed(tool).items()]
    sentence = _first_sentence(tool.description)
    return f"{{{', '.join(fields)}}}" + (f" - {sentence}" if sentence else "")


def _values(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "array":
            return f"[{_values(schema.get('items', {}))}, ...]"
        case kind:
            return f"({kind})" if isinstance(kind, str) else "..."


def _first_sentence(text: Any) -> str:
    return _SENTENCE_END.split(str(text).strip(), maxsplit=1)[0]
