"""Which JSON schemas OpenAI's strict mode takes.

Strict arguments always fit their schema, but only a part of JSON schema can be strict:
https://developers.openai.com/api/docs/guides/structured-outputs#supported-schemas. A schema is
never changed here: a tool gets what its author has declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_KNOWN = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    }
)
_FORMATS = (
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
)
_SAYS_WHAT = ("type", "enum", "const", "anyOf", "$ref")


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Return whether a tool's parameters, or a reply's schema, can be strict as they are."""
    return schema.get("type") == "object" and "anyOf" not in schema and _fits(schema)


def _fits(schema: object) -> bool:
    if not isinstance(schema, Mapping):
        return False
    said = cast("Mapping[str, Any]", schema)
    if not said.keys() <= _KNOWN or not any(word in said for word in _SAYS_WHAT):
        return False
    if said.get("format", "date") not in _FORMATS or ("$ref" in said and len(said) > 1):
        return False
    if said.get("type") == "array" and "items" not in said:
        return False
    return _closed(said) and all(_fits(inner) for inner in _inner(said))


def _closed(schema: Mapping[str, Any]) -> bool:
    """Return whether an object names all that it may hold, and demands all of it."""
    kinds = schema.get("type")
    if "properties" not in schema and kinds != "object" and "object" not in (kinds or ()):
        return True
    named = schema.get("properties", {})
    return schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(
        named
    )


def _inner(schema: Mapping[str, Any]) -> list[object]:
    inner: list[object] = [*schema.get("properties", {}).values()]
    inner += schema.get("$defs", {}).values()
    inner += schema.get("anyOf", ())
    return inner + ([schema["items"]] if "items" in schema else [])
