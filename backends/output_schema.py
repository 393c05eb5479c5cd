"""A JSON schema that a reply must fit: what can be said of it, and how it may be rewritten.

A schema is changed only such that a reply which fits what is sent fits what was asked for, too, and
reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from .base import LLMBackend, ToolSchema
from .errors import BadRequestError

Schema = Mapping[str, Any]

_NAMED = ("properties", "$defs", "definitions", "patternProperties")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not")
"""Where a schema holds others: by name, in a list, or one."""
_SAYS_WHAT = ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref")
_NOTES = frozenset(
    ("$comment", "$schema", "default", "deprecated", "examples", "readOnly", "writeOnly")
)
"""Words that say nothing of what fits."""


def check_output_schema(schema: Any, tools: Sequence[ToolSchema], backend: LLMBackend) -> None:
    """Check that a backend can be asked for a reply that fits a schema.

    Raises:
        BadRequestError: When it is no schema, the model takes none, or tools are offered beside it.
    """
    name = f"{backend.provider_name}:{backend.model}"
    if not isinstance(schema, Mapping):
        raise BadRequestError("output_schema must be a JSON schema: a mapping.")
    if not backend.takes_output_schema:
        raise BadRequestError(
            f"{name} takes no output_schema: ask for JSON in the prompt, or name another model."
        )
    if tools:
        raise BadRequestError("output_schema is for replies without tools: leave out one of them.")


def name_of(schema: Schema) -> str:
    """Return a schema's name as the wire takes it: up to 64 letters, digits, `_` and `-`."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", str(schema.get("title") or ""))[:64] or "reply"


def plain(schema: Schema) -> dict[str, Any]:
    """Return the same schema in words that more providers know.

    A `$ref` stands alone, as Google and OpenAI want it; branches that a discriminator tells apart
    are an `anyOf`.
    """
    return cast("dict[str, Any]", rewritten(schema, _plain))


def closed(schema: Schema) -> dict[str, Any]:
    """Return a schema whose objects hold what they name, and nothing else.

    An object that says nothing of other keys is closed. A property is demanded that may be left
    out and may be null, and then reads as null both ways.
    """
    return cast("dict[str, Any]", rewritten(schema, _closed))


def rewritten(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Return a schema of which every part was changed, the outer ones first."""
    if not isinstance(schema, Mapping):
        return schema
    said = change(dict(cast("Schema", schema)))
    for word in (word for word in _NAMED if word in said):
        said[word] = {name: rewritten(inner, change) for name, inner in said[word].items()}
    for word in (word for word in _LISTED if word in said):
        said[word] = [rewritten(inner, change) for inner in said[word]]
    for word in (word for word in _SINGLE if word in said):
        said[word] = rewritten(said[word], change)
    return said


def open_ends(schema: Any, where: str = "the reply") -> Iterator[str]:
    """Yield the places of a schema where anything may stand, or an object with any keys."""
    if not isinstance(schema, Mapping) or not any(word in schema for word in _SAYS_WHAT):
        yield where
        return
    said = cast("Schema", schema)
    kinds = types_of(said)
    free = not said.get("properties") or said.get("additionalProperties") not in (None, False)
    if ("object" in kinds and free) or ("array" in kinds and "items" not in said):
        yield where
    for name, inner in _parts(said):
        yield from open_ends(inner, name)


def types_of(schema: Schema) -> Sequence[str]:
    """Return the types that a schema names."""
    kinds: Any = schema.get("type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def _parts(schema: Schema) -> Iterator[tuple[str, Any]]:
    for word in (word for word in _NAMED if word in schema):
        yield from schema[word].items()
    for word in (word for word in _LISTED if word in schema):
        yield from ((word, inner) for inner in schema[word])
    if "items" in schema:
        yield "items", schema["items"]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    if "discriminator" in schema and "oneOf" in schema:
        del schema["discriminator"]
        schema["anyOf"] = schema.pop("oneOf")
    if "$ref" in schema and any(not word.startswith("$") for word in schema):
        schema["anyOf"] = [{"$ref": schema.pop("$ref")}]
    return schema


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    said = {word: value for word, value in schema.items() if word not in _NOTES}
    if named := said.get("properties"):
        said.setdefault("additionalProperties", False)
        needed = said.get("required", ())
        said["required"] = [name for name in named if name in needed or _reads_null(named[name])]
    return said


def _reads_null(schema: Any) -> bool:
    """Return whether a property reads as null where it is left out, and may be null."""
    if not isinstance(schema, Mapping) or schema.get("default", ...) is not None:
        return False
    said = cast("Schema", schema)
    return any("null" in types_of(branch) for branch in (said, *said.get("anyOf", ())))
