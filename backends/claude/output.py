"""A schema for the reply, as Anthropic takes it.

What it can hold: https://platform.claude.com/docs/en/build-with-claude/structured-outputs. The rest
(`minimum`, `maxLength`, ...) is told to the model in words, as Anthropic's SDK does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..output_schema import open_ends, plain, rewritten, types_of


def output_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `format` of `output_config`.

    Raises:
        UserError: When the schema leaves something open: objects hold the keys that they name.
    """
    from anthropic import transform_schema

    where = next(open_ends(schema), None)
    if where is not None:
        raise UserError(
            f"output_schema: Claude cannot be held to {where!r}, where anything may stand.",
            hint="Name the type there, the keys of an object, and the items of a list.",
        )
    return {"type": "json_schema", "schema": transform_schema(rewritten(plain(schema), _one_type))}


def _one_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that names one type; several of them become branches."""
    if schema.get("default", ...) is None:
        del schema["default"]  # it would be told in words
    kinds = types_of(schema)
    if len(kinds) < 2:
        return {**schema, "type": kinds[0]} if kinds else schema
    rest = {word: value for word, value in schema.items() if word != "type"}
    if "enum" in rest:
        return rest
    kept = ("title", "description", "$defs")
    notes: dict[str, Any] = {word: rest.pop(word) for word in kept if word in rest}
    null = {"type": "null"}
    return {
        **notes,
        "anyOf": [null if kind == "null" else {**rest, "type": kind} for kind in kinds],
    }
