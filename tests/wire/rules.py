"""Rules that several protocols share: each yields what is wrong, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .reply import Request, Unauthorized

Rule = Callable[[Request], Iterable[str]]

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_INSIDE = ("anyOf", "oneOf", "allOf")
_FORMAT_NAME = r"[a-zA-Z0-9_-]{1,64}"


def words(said: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(said.split())


STRICT = words(
    "$defs $ref additionalProperties anyOf const description enum exclusiveMaximum "
    "exclusiveMinimum format items maxItems maximum minItems minimum multipleOf pattern properties "
    "required title type"
)
"""What a schema may say in the strict mode of OpenAI."""


def first_problem(request: Request, rules: Sequence[Rule]) -> str | None:
    """Return what the first rule that is broken says, or None."""
    try:
        return next((said for rule in rules for said in rule(request)), None)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as exc:
        return f"The request is malformed: {exc!r}."


def bearer(request: Request) -> Iterator[str]:
    """Demand a key as OpenAI takes it."""
    if not request.headers.get("authorization", "").removeprefix("Bearer ").strip():
        yield Unauthorized("You didn't provide an API key: send Authorization: Bearer KEY.")
    elif not request.headers["authorization"].startswith("Bearer "):
        yield Unauthorized("The Authorization header must be: Bearer KEY.")


def streamed(request: Request) -> Iterator[str]:
    """Demand a model and a stream."""
    body = request.body
    if not isinstance(body, dict) or not body.get("model") or body.get("stream") is not True:
        yield "The body must hold a model and stream: true."


def unknown_keys(body: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    """Refuse keys that the API does not know."""
    for key in body:
        if key not in known:
            yield f"Unknown parameter: {key!r}."


def tool_names(names: Sequence[str], pattern: str) -> Iterator[str]:
    """Refuse names that are equal, or that do not match the provider's pattern."""
    if len(set(names)) != len(names):
        yield "The names of the tools must differ."
    for name in names:
        if not re.fullmatch(pattern, name):
            yield f"Invalid tool name {name!r}: expected a string that matches {pattern}."


def parameters(schema: Any, where: str) -> Iterator[str]:
    """Refuse parameters of a tool that are no schema of an object."""
    if not isinstance(schema, dict) or str(schema.get("type", "")).lower() != "object":
        yield f"Invalid schema for {where}: it must have type 'object'."
        return
    yield from shape(schema, where)


def shape(schema: Any, where: str) -> Iterator[str]:
    """Refuse what is no JSON schema."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"Invalid schema for {where}: {schema!r} is not an object."
        return
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if str(kind).lower() not in TYPES:
            yield f"Invalid schema for {where}: there is no type {kind!r}."
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"Invalid schema for {where}: required must be a list of names."
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        yield f"Invalid schema for {where}: enum must be a list that is not empty."
    if not isinstance(schema.get("properties", {}), dict):
        yield f"Invalid schema for {where}: properties must be an object."
        return
    for part in inner(schema):
        yield from shape(part, where)


def strict(schema: Any, where: str) -> Iterator[str]:
    """Refuse a schema that the strict mode of OpenAI does not take."""
    if not isinstance(schema, dict):
        return
    for word in sorted(schema.keys() - STRICT):
        yield f"Invalid schema for {where}: {word!r} is not permitted in strict mode."
    yield from lone_refs(schema, where)
    if "properties" in schema or schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"Invalid schema for {where}: additionalProperties must be false in strict mode."
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            yield f"Invalid schema for {where}: required must name every property in strict mode."
    for part in inner(schema):
        yield from strict(part, where)


def lone_refs(schema: Any, where: str) -> Iterator[str]:
    """Refuse a `$ref` that has other words beside it."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema and any(not word.startswith("$") for word in schema):
        yield f"Invalid schema for {where}: $ref cannot have keywords beside it."
    for part in inner(schema):
        yield from lone_refs(part, where)


def json_schema(wanted: Mapping[str, Any], where: str, *, subset: bool = True) -> Iterator[str]:
    """Refuse a schema for the reply that OpenAI's protocols do not take.

    Args:
        wanted: `name`, `schema` and perhaps `strict` and `description`.
        where: What it is called.
        subset: Whether a strict one must keep to OpenAI's subset.
    """
    if not wanted.get("name") or not isinstance(wanted.get("schema"), dict):
        yield f"Missing required parameter: '{where}.name' or '{where}.schema'."
        return
    for key in wanted.keys() - {"type", "name", "schema", "strict", "description"}:
        yield f"Unknown parameter: '{where}.{key}'."
    if not re.fullmatch(_FORMAT_NAME, wanted["name"]):
        yield f"Invalid '{where}.name': expected a string that matches {_FORMAT_NAME}."
    yield from shape(wanted["schema"], where)
    if wanted.get("strict") and subset:
        yield from parameters(wanted["schema"], where)
        yield from strict(wanted["schema"], where)


def inner(schema: Mapping[str, Any]) -> list[Any]:
    """Return the schemas that a schema holds."""
    found = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    found += [schema["items"]] if "items" in schema else []
    return found + [branch for word in _INSIDE for branch in schema.get(word, ())]
