"""Output types: what counts as one, and what a reply must be to fit it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
import pytest
from typing_extensions import TypedDict

from massgraph import Policy, UserError
from massgraph.backends.errors import MissingError
from massgraph.nodes.json_schema import WIDEST
from massgraph.nodes.output import MOST_COMPLAINTS, MOST_LEVELS, MisfitError, OutputType

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name"],
}


class City(pydantic.BaseModel):
    """A model with a default, and a field that is computed."""

    model_config = pydantic.ConfigDict(extra="forbid")

    name: str
    people: int = 0

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def is_large(self) -> bool:
        """Whether it is large."""
        return self.people > 10**6


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    when: dt.date | None = None


class Named(TypedDict):
    """A TypedDict."""

    name: str


class OneWay(pydantic.BaseModel):
    """A model that writes what it does not read."""

    n: int

    @pydantic.field_serializer("n")
    def _written(self, n: int) -> str:
        return f"no. {n}"


class Breaking(pydantic.BaseModel):
    """A model whose own check breaks."""

    n: int

    @pydantic.field_validator("n")
    @classmethod
    def _checked(cls, n: int) -> int:
        raise KeyError(n)


def of(given: Any) -> OutputType:
    """Return the output type of something that is one."""
    found = OutputType.of(given)
    assert found is not None
    return found


FITTING: dict[str, tuple[Any, str, Any, Any]] = {
    # the type, a reply, the plain value, the typed one
    "model": (City, '{"name": "Paris"}', {"name": "Paris", "people": 0}, City(name="Paris")),
    "converted": (
        City,
        '{"name": "P", "people": "4"}',
        {"name": "P", "people": 4},
        City(name="P", people=4),
    ),
    "dataclass": (
        Point,
        '{"x": 1, "when": "2026-01-02"}',
        {"x": 1, "when": "2026-01-02"},
        Point(1, dt.date(2026, 1, 2)),
    ),
    "TypedDict": (Named, '{"name": "n"}', {"name": "n"}, {"name": "n"}),
    "list": (list[int], " [1, 2]\n", [1, 2], [1, 2]),
    "null": (int | None, "null", None, None),
    "schema": (
        SCHEMA,
        '{"name": "n", "more": [1]}',
        {"name": "n", "more": [1]},
        {"name": "n", "more": [1]},
    ),
    "fenced": (SCHEMA, '```json\n{"name": "n"}\n```', {"name": "n"}, {"name": "n"}),
    "fenced otherwise": (SCHEMA, '\n~~~\n{"name":\n"```"}~~~ \n', {"name": "```"}, {"name": "```"}),
    "one way": (OneWay, '{"n": 1}', {"n": 1}, OneWay(n=1)),
}


@pytest.mark.parametrize(("given", "text", "plain", "typed"), FITTING.values(), ids=FITTING)
def test_a_reply_that_fits(given: Any, text: str, plain: Any, typed: Any) -> None:
    """It is kept as a plain value, and read back from that as an instance."""
    type_ = of(given)
    kept = type_.read(text)
    assert kept == plain
    assert json.loads(json.dumps(kept)) == kept
    assert type_.typed(kept) == typed
    assert type(type_.typed(kept)) is type(typed)


MISFITS: dict[str, tuple[Any, str, str]] = {
    # the type, a reply, what is told about it
    "prose": (City, "Paris is a city.", "It is not one JSON value: Expecting value"),
    "prose around": (City, 'Here: {"name": "Paris"}', "It is not one JSON value: Expecting value"),
    "two fences": (City, "```\n{}\n```\n```\n{}\n```", "It is not one JSON value: "),
    "no number": (list[float], "[NaN]", "It is not one JSON value: Out of range"),
    "too large a number": (list[float], "[1e999]", "It is not one JSON value: Out of range"),
    "half a character": (City, '{"name": "\\ud800"}', "It is not one JSON value: 'utf-8' codec"),
    "too deep": (SCHEMA, "[" * 70 + "]" * 70, f"nested more than {MOST_LEVELS} levels deep."),
    "far too deep": (SCHEMA, "[" * 10**5 + "]" * 10**5, "It is"),
    "missing": (
        City,
        '{"nme": 1}',
        "$.name: Field required\n$.nme: Extra inputs are not permitted",
    ),
    "a place": (list[Point], '[{"x": 1}, {"x": "y"}]', "$[1].x: Input should be a valid integer"),
    "schema": (
        SCHEMA,
        '{"people": "x"}',
        "$: 'name' is a required property\n$.people: 'x' is not of type 'integer'",
    ),
    "own check": (Breaking, '{"n": 1}', "KeyError: 1"),
}


@pytest.mark.parametrize(("given", "text", "said"), MISFITS.values(), ids=MISFITS)
def test_a_reply_that_does_not_fit(given: Any, text: str, said: str) -> None:
    """What is wrong is told by places, one complaint a line."""
    with pytest.raises(MisfitError) as raised:
        of(given).read(text)
    assert said in str(raised.value)


def test_complaints_are_few_and_short() -> None:
    """A model is told ten things at most, and no whole value."""
    wrong = json.dumps(["x" * 1000] * 50)
    for given in (list[int], {"items": {"type": "integer"}}):
        with pytest.raises(MisfitError) as raised:
            of(given).read(wrong)
        lines = str(raised.value).splitlines()
        assert len(lines) == MOST_COMPLAINTS
        assert max(map(len, lines)) <= WIDEST + 3


def recursive() -> dict[str, Any]:
    """Return a schema that holds itself."""
    schema: dict[str, Any] = {"properties": {}}
    schema["properties"]["me"] = schema
    return schema


REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (5, "5 is no type that a final answer can have. Give a pydantic model,"),
    "a function": (json.dumps, "dumps is no type that a final answer can have."),
    "no schema": (Callable[[int], int], "has no JSON Schema: "),
    "no name": ("city", "'city' names nothing: give it as 'module:Name'."),
    "no module": ("no_such:City", "The module 'no_such' cannot be imported: ModuleNotFoundError"),
    "no class": ("json:City", "The module 'json' has no 'City'."),
    "no keyword's value": ({"type": "strng"}, "It is no JSON Schema: $.type: 'strng' is not valid"),
    "no pattern": ({"pattern": "("}, "It is no JSON Schema: $.pattern: '(' is not a 'regex'"),
    "endless": ({"$ref": "#"}, "It is no JSON Schema: it refers to itself without end."),
    "elsewhere": ({"items": {"$ref": "http://127.0.0.1/x"}}, "it lacks 'http://127.0.0.1/x'."),
    "nowhere": ({"$ref": "#/$defs/x"}, "complete in itself: it lacks '#/$defs/x'."),
    "no texts": ({1: 2}, "JSON has texts as keys, and lists."),
    "no JSON": ({"default": dt.date(2026, 1, 1)}, "date is not JSON serializable."),
    "no finite number": ({"default": float("nan")}, "It is no JSON Schema: Out of range"),
    "itself": (recursive(), "It is no JSON Schema: Circular reference detected."),
}


@pytest.mark.parametrize(("given", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_output_type(given: Any, said: str) -> None:
    """It is refused in one line, by the policy already."""
    with pytest.raises(UserError) as raised:
        Policy(output_type=given)
    assert str(raised.value).startswith("Policy: output_type: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_class_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the working directory are found, and what they print is kept off stdout."""
    home = tmp_path / "cities_of_one.py"
    home.write_text("print('hello')\nfrom dataclasses import dataclass\n"
                    "@dataclass\nclass City:\n    name: str\n")  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    type_ = of("cities_of_one:City")
    assert type_.name == "City"
    assert type_.typed(type_.read('{"name": "n"}')).name == "n"


def test_a_policy_tells_its_output_type_in_plain_words() -> None:
    """A schema as it is, a type by its name."""
    told = [Policy(output_type=given).describe()["output_type"] for given in (None, SCHEMA, City)]
    assert told == [None, SCHEMA, "City"]
    assert Policy(output_type=list[int]).describe()["output_type"] == "list[int]"


def test_a_provider_is_told_the_schema_of_an_object() -> None:
    """With a title; anything else it must be asked for in words."""
    wire = of(SCHEMA).wire
    assert wire is not None
    assert wire == {"title": "final_answer", **SCHEMA}
    city = of(City).wire
    assert city is not None
    assert city["title"] == "City"
    assert of(list[int]).wire is None


def test_without_the_library_a_schema_cannot_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The team says what to install; a policy can be made, and a Python type needs nothing."""
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(
        MissingError, match=r"needs the extra 'schema': .* -m pip install 'massgraph\[schema\]'"
    ):
        OutputType.of(SCHEMA)
    assert Policy(output_type=SCHEMA).output_type == SCHEMA
    assert of(City).name == "City"
