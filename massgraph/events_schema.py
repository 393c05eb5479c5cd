"""The JSON Schemas of events and of results, for whoever reads `--events` or `--json`.

Both are made of the types that the library itself is checked by, and described by their docstrings:
they cannot tell anything else.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

from .docstrings import arguments_of
from .nodes.events import KEYS, VERSION, Event
from .nodes.result import RESULT_VERSION, ResultDict
from .result import Result, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.json_schema import GenerateJsonSchema

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_CLOSER: Mapping[tuple[str, str], Any] = {("RunFinished", "result"): ResultDict}
"""What a field holds where its class leaves it open."""
_LEAST = {"seq": 1, "t": 0, "run_attempt": 1, "round": 0, "epoch": 0, "attempt": 1, "seconds": 0}
"""The least that a number may be."""
_OTHERWISE = {
    "v": "The version of this form.",
    "usage": "By agent, and in total.",
    "output": "The final answer as a plain value; there only where the policy has an output type.",
}
"""What is told otherwise of a plain result than of its class."""


def events_schema() -> dict[str, Any]:
    """Return the JSON Schema of an event, as each line of `massgraph run --events` holds one.

    Every key is always there, and no other is. The lines of a record have their `sum` besides.
    """
    from pydantic import Field

    models = [_model(cls) for cls in get_args(Event)]
    union: Any = functools.reduce(operator.or_, models)
    about = f"What happens in a run of massgraph; version {VERSION} of the vocabulary."
    schema = _schema(Annotated[union, Field(discriminator="type")])
    _describe_result(schema["$defs"]["ResultDict"], schema["$defs"])
    return {"$schema": DIALECT, "title": "Event", "description": about, **schema}


def result_schema() -> dict[str, Any]:
    """Return the JSON Schema of the result of a run, as `massgraph run --json` prints it."""
    schema = _schema(ResultDict)
    _describe_result(schema, schema["$defs"])
    return {"$schema": DIALECT, **schema, "title": "Result"}


def _model(cls: type[Any]) -> type[BaseModel]:
    """Return a model of the events of a class, every field of which has to be there."""
    from pydantic import Field, create_model

    hints: dict[str, Any] = get_type_hints(cls) | {"v": Literal[VERSION]}
    told = arguments_of(cls)
    fields: dict[str, Any] = {
        name: (
            _CLOSER.get((cls.__name__, name), hints[name]),
            Field(description=told.get(name), ge=_LEAST.get(name)),
        )
        for name in KEYS[cls]
    }
    about = inspect.cleandoc(cls.__doc__ or "")
    return create_model(cls.__name__, __doc__=about, **fields)


def _schema(of: Any) -> dict[str, Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(of).json_schema(schema_generator=_generator())


@functools.cache
def _generator() -> type[GenerateJsonSchema]:
    """Return what makes schemas in which no object has more than what is told of it."""
    from pydantic.json_schema import GenerateJsonSchema

    class Closed(GenerateJsonSchema):
        def model_schema(self, schema: Any) -> dict[str, Any]:
            return super().model_schema(schema) | {"additionalProperties": False}

        def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
            return super().typed_dict_schema(schema) | {"additionalProperties": False}

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    return Closed


def _describe_result(schema: dict[str, Any], parts: Mapping[str, Any]) -> None:
    """Put what the classes of a result say of it into the schema of its plain form."""
    for plain, cls in ((schema, Result), (parts["Usage"], Usage)):
        told = arguments_of(cls) | _OTHERWISE
        for name, form in plain["properties"].items():
            form["description"] = told[name].replace("None", "null")
    schema["properties"]["v"]["const"] = RESULT_VERSION
    schema["properties"]["usage"]["required"] = ["total"]
