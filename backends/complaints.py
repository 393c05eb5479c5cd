"""What a pydantic model finds wrong with values, in the words of the person who wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from .words import MOST_PROBLEMS, Keys, did_you_mean, quoted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "text",
    "string_unicode": "text without broken characters",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "iterable_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "too_short": "a list that is not empty",
}
_LIMITS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} or less"),
}
_PYTHON_ONLY = ("callable_type", "is_instance_of", "none_required")
"""What a union offers to programs alone."""


def problems_of(
    exc: ValidationError, model: type[BaseModel], values: Any
) -> Iterator[tuple[Keys, str, bool]]:
    """Give out what is wrong: where, what, and whether it is the key that is wrong."""
    must_be: dict[Keys, list[str]] = {}
    for number, error in enumerate(exc.errors(include_url=False)):
        where = _where(error, values)
        match error["type"]:
            case "extra_forbidden":
                name = str(where[-1])
                # To look for near words takes a while, and nobody reads thousands of them.
                known = sorted(_fields_at(model, where[:-1])) if number < MOST_PROBLEMS else ()
                yield where, f"unknown key {quoted(name)}{did_you_mean(name, known)}", True
            case "missing":
                yield where[:-1], f"{where[-1]!r} is missing", False
            case "value_error":
                yield _said_by_validator(error, where, values)
            case kind if kind not in _PYTHON_ONLY:
                texts = must_be.setdefault(where, [])
                text = _must_be(error)
                if text not in texts:
                    texts.append(text)
            case _:
                must_be.setdefault(where, [])
    for where, texts in must_be.items():
        name = f"{_name(where)} " if where else ""
        text = f"must be {' or '.join(texts)}" if texts else "cannot be given in a config"
        yield where, f"{name}{text}", False


def _said_by_validator(error: ErrorDetails, where: Keys, values: Any) -> tuple[Keys, str, bool]:
    message = error["msg"].removeprefix("Value error, ")
    if where:
        return where, f"{_name(where)}: {message}", False
    first = message.split(" ", 1)[0]  # about several keys: it begins with one of them
    at: Keys = (first,) if isinstance(values, Mapping) and first in values else ()
    return at, message, False


def _name(where: Keys) -> str:
    """Return the key that leads to a value, with the number where it is a list's item."""
    names = [part for part in where if isinstance(part, str)]
    if not names:
        return f"item {where[-1]}"
    name = names[-1] if len(names[-1]) <= 64 else quoted(names[-1])
    return f"{name}[{where[-1]}]" if isinstance(where[-1], int) else name


def _where(error: ErrorDetails, values: Any) -> Keys:
    """Return the place of an error without the parts that name an alternative of a union."""
    where: list[str | int] = []
    for part in error["loc"]:
        try:
            values = values[part]
        except (LookupError, TypeError):
            continue
        where.append(part)
    if error["type"] == "missing":
        where.append(error["loc"][-1])
    return tuple(where)


def _must_be(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _LIMITS:
        key, text = _LIMITS[kind]
        return text.format(f"{context[key]:g}")
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        given = error["input"]
        close = did_you_mean(given, words) if isinstance(given, str) else ""
        if len(words) > 2:
            words = [f"one of {', '.join(words)}"]
        return " or ".join(words or [context["expected"]]) + (close if "mean" in close else "")
    return error["msg"].removeprefix("Input should be ")


def _fields_at(model: type[BaseModel], where: Keys) -> set[str]:
    """Return the keys that are known at a place inside a model."""
    found: type[BaseModel] | None = model
    for part in where:
        if isinstance(part, str) and found is not None:
            field = found.model_fields.get(part)
            found = next(_models(field.annotation), None) if field is not None else None
    return set(found.model_fields) if found is not None else set()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
