"""A JSON Schema: checked once, and then it checks values."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from ..backends.errors import MissingError, UserError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

WIDEST = 300
"""Characters of a complaint at most: the library's may quote the whole value."""


class JsonSchema:
    """A JSON Schema, of the draft that its `$schema` names, or else of 2020-12.

    Args:
        schema: The schema. It is complete in itself: nothing is ever fetched for it.

    Raises:
        UserError: When it is no schema, or refers to what it does not hold.
        MissingError: When the library that checks it is not installed.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        _check_is_json(schema)
        try:
            from jsonschema import Draft202012Validator, SchemaError, validators
            from referencing import Registry
        except ImportError as exc:
            raise MissingError(
                "A JSON Schema needs the extra 'schema':",
                hint=f"\"{sys.executable}\" -m pip install 'massgraph[schema]'",
            ) from exc
        draft: Any = validators.validator_for(schema, default=Draft202012Validator)
        try:
            draft.check_schema(schema, format_checker=draft.FORMAT_CHECKER)
        except SchemaError as exc:
            raise UserError(f"It is no JSON Schema: {_told(exc.json_path, exc.message)}") from exc
        self._validator: Validator = draft(schema, registry=Registry())
        _check_references(schema, draft.ID_OF(draft.META_SCHEMA))
        self._check_ends()

    def complaints(self, value: Any) -> list[str]:
        """Return what is wrong with a JSON value, one line each; nothing when it fits."""
        errors = sorted(self._validator.iter_errors(value), key=lambda error: error.json_path)
        return [_told(error.json_path, error.message) for error in errors]

    def _check_ends(self) -> None:
        """Check that the schema is not defined by itself alone."""
        try:
            self.complaints(None)
        except RecursionError as exc:
            raise UserError("It is no JSON Schema: it refers to itself without end.") from exc


def _check_is_json(schema: dict[str, Any]) -> None:
    try:
        same = json.loads(json.dumps(schema, allow_nan=False)) == schema
    except (TypeError, ValueError, RecursionError) as exc:
        raise UserError(f"It is no JSON Schema: {exc}.") from exc
    if not same:
        raise UserError("It is no JSON Schema: JSON has texts as keys, and lists.")


def _check_references(schema: dict[str, Any], dialect: str) -> None:
    """Check that all that a schema refers to is part of it, wherever it is needed."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import Schema, specification_with

    specification = specification_with(dialect)
    root = specification.create_resource(schema)
    registry: Registry[Schema] = Registry()
    resolver = registry.resolver_with_root(root)
    parts = [(root, resolver)]
    while parts:
        part, resolver = parts.pop()
        if isinstance(part.contents, dict) and isinstance(part.contents.get("$ref"), str):
            reference = part.contents["$ref"]
            try:
                resolver.lookup(reference)
            except Unresolvable as exc:
                raise UserError(
                    f"It is no JSON Schema that is complete in itself: it lacks {reference!r}."
                ) from exc
        parts += [(inner, resolver.in_subresource(inner)) for inner in part.subresources()]


def _told(place: str, message: str) -> str:
    """Return a complaint as one line that is not too wide."""
    line = f"{place}: {' '.join(message.split())}"
    return line if len(line) <= WIDEST else f"{line[:WIDEST]}..."
