"""A schema for the reply, as OpenAI's protocols take it.

Strict where the schema can be held strictly. Where it cannot, it is sent as it is, and the model
may depart from it: https://developers.openai.com/api/docs/guides/structured-outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..output_schema import closed, name_of, plain
from .strict_schema import is_strict


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `response_format` of chat completions; `wire_params` makes it Responses'."""
    narrow = _root(closed(plain(schema)))
    said: dict[str, Any] = {"name": name_of(narrow)}
    if is_strict(narrow):
        # Left out elsewhere, and not false: to xAI and to most other servers it means nothing.
        said["strict"] = True
    said["schema"] = narrow if "strict" in said else dict(schema)
    return {"type": "json_schema", "json_schema": said}


def _root(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that names its root, where it only refers to it: a strict one must."""
    found: Any = schema.get("$defs", {}).get(str(schema.get("$ref", "")).removeprefix("#/$defs/"))
    if not found:
        return schema
    return {**found, "$defs": schema["$defs"]}
