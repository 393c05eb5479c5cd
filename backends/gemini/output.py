"""A schema for the reply, as the Gemini API takes it.

The words it knows are told in the SDK's `GenerateContentConfig.response_json_schema`; the others
are passed over by the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..output_schema import plain, rewritten

if TYPE_CHECKING:
    from .models import Profile


def takes_schema(profile: Profile, *, builtin: bool) -> bool:
    """Return whether a model takes a schema for its reply, with builtin tools on or not."""
    return profile.holds and (profile.schema or not builtin)


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `responseJsonSchema`: a constant is an `enum` of one value there."""
    said: dict[str, Any] = rewritten(plain(schema), _enum)
    return said


def _enum(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("const"), str):
        schema["enum"] = [schema.pop("const")]
    return schema
