"""A schema for the reply: how it is rewritten for each provider, and who takes none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from massgraph.backends.base import LLMBackend
from massgraph.backends.claude import ClaudeBackend
from massgraph.backends.claude.output import output_format
from massgraph.backends.errors import BadRequestError, UserError
from massgraph.backends.fallback import FallbackBackend
from massgraph.backends.fold import fold
from massgraph.backends.gemini import GeminiBackend
from massgraph.backends.gemini.output import json_schema
from massgraph.backends.langchain import LangChainBackend
from massgraph.backends.limited import LimitedBackend
from massgraph.backends.openai import OpenAIBackend
from massgraph.backends.openai_sdk.response_format import response_format
from massgraph.backends.output_schema import closed, name_of, open_ends, plain
from massgraph.backends.scripted import ScriptedBackend
from tests.wire.brain import brain
from tests.wire.server import LoopbackServer

from .contract.harness import MakeBackend
from .contract.schemas import SCHEMA, Verdict, held
from .test_contract import KEY, claude, gemini, grok, openai

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
MAYBE: Schema = {"anyOf": [TEXT, {"type": "null"}], "default": None}


def obj(**properties: Schema) -> Schema:
    """Return an object that demands what it names, and says nothing of anything else."""
    return {"type": "object", "properties": properties, "required": [*properties]}


class Cat(BaseModel):
    """One of two."""

    kind: Literal["cat"]


class Dog(BaseModel):
    """The other one."""

    kind: Literal["dog"]


class Node(BaseModel):
    """What refers to itself."""

    name: str
    parts: list[Node]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A server whose models say what fits."""
    with LoopbackServer(brain) as server:
        yield server


def sent_format(schema: Schema) -> Schema:
    """Return what OpenAI's protocols are sent."""
    said: Schema = response_format(schema)["json_schema"]
    return said


# --- the same, or less -----------------------------------------------------------------------


def test_plain() -> None:
    """A reference stands alone, branches that differ by a discriminator are an anyOf."""
    schema = obj(a={"$ref": "#/$defs/A", "description": "x"}, b={"$ref": "#/$defs/A"})
    assert plain(schema)["properties"] == {
        "a": {"anyOf": [{"$ref": "#/$defs/A"}], "description": "x"},
        "b": {"$ref": "#/$defs/A"},
    }
    pet = TypeAdapter(Annotated[Cat | Dog, Field(discriminator="kind")]).json_schema()
    assert "oneOf" in pet
    assert plain(pet)["anyOf"] == pet["oneOf"]
    assert not {"oneOf", "discriminator"} & plain(pet).keys()
    told_apart = {"oneOf": [TEXT, {"type": "integer"}]}
    assert plain(told_apart) == told_apart


def test_closed() -> None:
    """Objects are closed to their depth, and what may be null and missing is demanded."""
    inner = {"type": "object", "properties": {"b": MAYBE, "c": {**TEXT, "default": "x"}}}
    assert closed(obj(a=inner)) == {
        "type": "object",
        "properties": {
            "a": {
                "type": "object",
                "properties": {"b": {"anyOf": MAYBE["anyOf"]}, "c": TEXT},
                "required": ["b"],
                "additionalProperties": False,
            }
        },
        "required": ["a"],
        "additionalProperties": False,
    }


def test_the_callers_schema_stays() -> None:
    """No rewriting changes the schema of who asks."""
    before = repr(SCHEMA)
    response_format(SCHEMA)
    output_format(SCHEMA)
    json_schema(SCHEMA)
    assert repr(SCHEMA) == before


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"title": "Answer"}, "Answer"),
        ({"title": "My answer: 9.9!"}, "My_answer_9_9_"),
        ({"title": "x" * 80}, "x" * 64),
        ({}, "reply"),
    ],
)
def test_its_name(schema: Schema, name: str) -> None:
    """A name is made of the title, as the wire takes it."""
    assert name_of(schema) == name


# --- OpenAI ----------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [SCHEMA, obj(a=TEXT, b=MAYBE), Node.model_json_schema()])
def test_strict(schema: Schema) -> None:
    """What strict mode can hold is held, closed."""
    said = sent_format(schema)
    assert said["strict"] is True
    assert said["schema"]["type"] == "object"
    assert said["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {**obj(a=TEXT, b={**TEXT, "default": "x"}), "required": ["a"]},
        obj(a={"type": "object", "additionalProperties": TEXT}),
        {**obj(a=TEXT), "additionalProperties": True},
        obj(a={**TEXT, "maxLength": 9}),
        obj(a={**TEXT, "format": "uri"}),
        obj(a={"oneOf": [TEXT, {"type": "integer"}]}),
        {"type": "array", "items": TEXT},
    ],
)
def test_not_strict(schema: Schema) -> None:
    """What strict mode cannot hold is sent as it is, and not called strict."""
    assert sent_format(schema) == {"name": "reply", "schema": schema}


async def test_what_stands_beside_it_stays(server: LoopbackServer) -> None:
    """A schema takes nothing away from the parameters that share its key."""
    openai_ = openai(server, extra_body={"text": {"verbosity": "low"}})
    claude_ = claude(server, model="claude-opus-5", reasoning_effort="high")
    for backend in (openai_, claude_):
        Verdict.model_validate_json(fold(await held(backend)).text)
        await backend.aclose()
    said, told = (request.body for request in server.requests)
    assert said["text"]["verbosity"] == "low"
    assert told["output_config"]["effort"] == "high"


async def test_a_gateway_without_responses(server: LoopbackServer) -> None:
    """Grok, asked in chat completions, is held to the schema there."""
    backend = grok(server)
    backend._chat_only = True  # type: ignore[attr-defined]
    Verdict.model_validate_json(fold(await held(backend)).text)
    await backend.aclose()
    assert server.requests[-1].path.endswith("/chat/completions")


# --- Claude ----------------------------------------------------------------------------------


def test_limits_are_told_in_words() -> None:
    """What Claude cannot be held to stands in the description; several types are branches."""
    kinds: Schema = {"type": ["string", "null"], "maxLength": 9, "description": "x"}
    said = output_format(obj(a=kinds, b={"type": "integer", "minimum": 1}, c=MAYBE))["schema"]
    assert said["additionalProperties"] is False
    assert said["properties"] == {
        "a": {
            "anyOf": [{"type": "string", "description": "{maxLength: 9}"}, {"type": "null"}],
            "description": "x",
        },
        "b": {"type": "integer", "description": "{minimum: 1}"},
        "c": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        (obj(a={"type": "object"}), "a"),
        (obj(a={"type": "object", "additionalProperties": TEXT}), "a"),
        (obj(a=obj(b={})), "b"),
        (obj(a={"type": "array"}), "a"),
        ({**obj(a=TEXT), "additionalProperties": True}, "the reply"),
        (obj(a={"anyOf": [TEXT, {"title": "x"}]}), "anyOf"),
    ],
)
def test_open_ends(schema: Schema, where: str) -> None:
    """What Claude cannot be held to is refused, and never closed in silence."""
    assert next(open_ends(schema)) == where
    with pytest.raises(UserError, match=f"held to '{where}'"):
        output_format(schema)


async def test_an_open_end_is_no_request(server: LoopbackServer) -> None:
    """The call fails with these words before anything is sent."""
    backend = claude(server)
    with pytest.raises(BadRequestError, match="Claude cannot be held to 'a'"):
        await held(backend, obj(a={"type": "object"}))
    assert server.requests == []
    await backend.aclose()


# --- Gemini ----------------------------------------------------------------------------------


def test_a_constant_is_an_enum() -> None:
    """The Gemini API knows no constants."""
    assert json_schema(obj(a={"const": "x", "type": "string"}))["properties"] == {
        "a": {"enum": ["x"], "type": "string"}
    }


# --- who takes none --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "takes"),
    [
        (OpenAIBackend("gpt-4o", api_key=KEY), True),
        (OpenAIBackend("gpt-4-turbo", api_key=KEY), False),
        (ClaudeBackend("claude-haiku-4-5", api_key=KEY), True),
        (ClaudeBackend("claude-sonnet-4-20250514", api_key=KEY), False),
        (GeminiBackend("gemini-2.5-flash", api_key=KEY), True),
        (GeminiBackend("gemini-2.5-flash", api_key=KEY, enable_web_search=True), False),
        (GeminiBackend("gemini-3.8-flash", api_key=KEY, enable_web_search=True), True),
        (GeminiBackend("gemma-3-27b-it", api_key=KEY), False),
        (LangChainBackend("openai:gpt-5.4", api_key=KEY), False),
    ],
    ids=lambda value: value.model if isinstance(value, LLMBackend) else "",
)
async def test_who_takes_one(backend: LLMBackend, takes: bool) -> None:
    """A backend says whether its model takes a schema; wrappers say it of what they wrap."""
    script = ScriptedBackend([{"text": "x", "when": "present"}])
    assert script.takes_output_schema
    assert backend.takes_output_schema is takes
    assert LimitedBackend(backend, {"concurrent_calls": 1}).takes_output_schema is takes
    assert FallbackBackend(backend, script).takes_output_schema is takes
    assert FallbackBackend(script, backend).takes_output_schema is takes


@pytest.mark.parametrize(
    ("make", "model"),
    [(openai, "gpt-4-turbo"), (claude, "claude-sonnet-4-0"), (gemini, "gemma-3-27b-it")],
)
async def test_a_model_that_takes_none(
    server: LoopbackServer, make: MakeBackend, model: str
) -> None:
    """A model that cannot be held to a schema is not asked, be it the backend's or the call's."""
    for backend, params in ((make(server, model=model), {}), (make(server), {"model": model})):
        stream = backend.stream_with_tools([], (), output_schema=SCHEMA, **params)
        with pytest.raises(BadRequestError, match=f"{model} takes no output_schema"):
            [_ async for _ in stream]
        await backend.aclose()
    assert server.requests == []


async def test_no_schema(server: LoopbackServer) -> None:
    """What is no schema is refused; None is none."""
    backend = openai(server)
    with pytest.raises(BadRequestError, match="must be a JSON schema"):
        await held(backend, "object")
    assert "answers:" in fold(await held(backend, None)).text
    await backend.aclose()
