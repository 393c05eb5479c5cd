"""OutputType: what the final answer must be, where a policy says so."""

from __future__ import annotations

import inspect
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import (
    PydanticSchemaGenerationError,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)
from pydantic.errors import PydanticUndefinedAnnotation

from ..backends.errors import UserError
from .imported import imported
from .json_schema import JsonSchema

MOST_COMPLAINTS = 10
"""How many complaints a model is told at once."""

MOST_LEVELS = 64
"""How deep a value may be nested: a state and a result are walked by recursion."""

_FENCED = re.compile(r"\s*(```|~~~)[^\n`~]*\n(?P<inside>.*?)\n?[ \t]*\1\s*", re.DOTALL)


class MisfitError(ValueError):
    """A final answer that does not fit; the message says why, one complaint a line."""


class OutputType(ABC):
    """What the final answer must be.

    Args:
        name: What it is called where one line must do.
        schema: Its JSON Schema.
    """

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        self.name = name
        self.schema: dict[str, Any] = dict(schema)

    @property
    def wire(self) -> dict[str, Any] | None:
        """The schema for a provider that holds its model to one; None when it is no object's."""
        if self.schema.get("type") != "object":
            return None
        return {"title": "final_answer", **self.schema}

    @staticmethod
    def of(given: Any) -> OutputType | None:
        """Return the output type that a policy names; None where it names none.

        Args:
            given: A type that pydantic takes, a JSON Schema as a mapping, or `module:Class`.

        Raises:
            UserError: When it is none of them, or a type without a JSON Schema.
            MissingError: When a JSON Schema needs the library that checks it.
        """
        if given is None:
            return None
        if isinstance(given, str):
            given = imported(given)
        return SchemaOutput(given) if isinstance(given, Mapping) else PythonOutput(given)

    def read(self, text: str) -> Any:
        """Return the JSON value that a reply gives; the reply may be one code fence.

        Raises:
            MisfitError: When it is no JSON value, or one that does not fit.
        """
        fenced = _FENCED.fullmatch(text)
        value = _json_value(fenced["inside"] if fenced else text)
        try:
            return self.checked(value)
        except MisfitError:
            raise
        except Exception as exc:  # a validator of one's own may raise anything
            raise MisfitError(f"{type(exc).__name__}: {exc}") from exc

    @abstractmethod
    def checked(self, value: Any) -> Any:
        """Return a JSON value as it is kept.

        Raises:
            MisfitError: When it does not fit.
        """

    @abstractmethod
    def typed(self, value: Any) -> Any:
        """Return what a JSON value that is kept stands for in Python."""


class SchemaOutput(OutputType):
    """A JSON Schema: a value stands for itself.

    Args:
        schema: The schema.

    Raises:
        UserError: When it is none.
        MissingError: When the library that checks it is not installed.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(str(schema.get("title", "a JSON Schema")), schema)
        self._rules = JsonSchema(self.schema)

    def checked(self, value: Any) -> Any:
        """Return the value as it is."""
        complaints = self._rules.complaints(value)
        if complaints:
            raise MisfitError("\n".join(complaints[:MOST_COMPLAINTS]))
        return value

    def typed(self, value: Any) -> Any:
        """Return the value as it is."""
        return value


class PythonOutput(OutputType):
    """A Python type: a pydantic model, a dataclass, a TypedDict, `list[int]`.

    Args:
        given: The type.

    Raises:
        UserError: When pydantic does not take it, or it has no JSON Schema.
    """

    def __init__(self, given: Any) -> None:
        name = type_name(given)
        try:
            if inspect.isroutine(given):
                raise PydanticSchemaGenerationError("a function is no type")
            self._adapter: TypeAdapter[Any] = TypeAdapter(given)
            schema = self._adapter.json_schema()
        except PydanticSchemaGenerationError as exc:
            raise UserError(
                f"{name} is no type that a final answer can have.",
                hint="Give a pydantic model, a dataclass, a TypedDict, or a JSON Schema.",
            ) from exc
        except (PydanticUndefinedAnnotation, PydanticUserError) as exc:
            why = str(exc).splitlines()[0]
            raise UserError(f"{name} has no JSON Schema: {why}") from exc
        super().__init__(name, schema)

    def checked(self, value: Any) -> Any:
        """Return the value with what the type adds to it, such as defaults."""
        try:
            typed = self.typed(value)
        except ValidationError as exc:
            raise MisfitError("\n".join(_complaints(exc))) from exc
        try:
            plain = self._adapter.dump_python(
                typed, mode="json", by_alias=True, round_trip=True, warnings=False
            )
            self.typed(plain)
        except Exception:  # a serializer of one's own may write what its type does not read
            return value
        return plain

    def typed(self, value: Any) -> Any:
        """Return the value as an instance of the type."""
        return self._adapter.validate_json(json.dumps(value, allow_nan=False))


def type_name(given: Any) -> str:
    """Return what a type is called."""
    plain = inspect.isroutine(given) or (isinstance(given, type) and not get_args(given))
    return str(given.__name__) if plain else repr(given)


def _json_value(text: str) -> Any:
    try:
        value: Any = json.loads(text)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise MisfitError(f"It is not one JSON value: {exc}") from exc
    if _levels(value) > MOST_LEVELS:
        raise MisfitError(f"It is nested more than {MOST_LEVELS} levels deep.")
    return value


def _levels(value: Any) -> int:
    """Return how deep a JSON value is nested; a number or a text is no level."""
    levels, here = 0, [value]
    while here := [one for one in here if isinstance(one, dict | list)]:
        levels += 1
        here = [inner for one in here for inner in (one.values() if isinstance(one, dict) else one)]
    return levels


def _complaints(exc: ValidationError) -> list[str]:
    """Return what is wrong, one line each, by the places as JSON has them."""
    return [
        f"{_place(error['loc'])}: {error['msg']}"
        for error in exc.errors(include_url=False, include_context=False, include_input=False)
    ][:MOST_COMPLAINTS]


def _place(keys: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
