"""The schema of events takes every event, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import jsonschema_rs
import pytest

from massgraph import Agent, ScriptedBackend, Team, event_to_dict
from massgraph.events_schema import events_schema, result_schema
from massgraph.nodes.events import KEYS, Event

FILE = Path(__file__).parents[2] / "docs" / "events.schema.json"
EVENTS = events_schema()
VALID = jsonschema_rs.Draft202012Validator(EVENTS)
TURNS = [{"new_answer": "42", "when": "no_answers"}, {"vote": "first", "reason": "Right."}]
AGENTS = ("alice", "bob")
OTHER_TYPE = {str: 1, int: "1", float: "1.0", bool: "no", list: {}, dict: [], type(None): [[]]}
"""For a value of a type, one of another."""


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """The events of a run, as JSON has them."""
    team = Team([Agent(name, ScriptedBackend(TURNS)) for name in AGENTS])
    return [json.loads(json.dumps(event_to_dict(event))) for event in team.stream("What is it?")]


def test_the_schema_is_one() -> None:
    """It keeps to the draft that it names."""
    jsonschema.Draft202012Validator.check_schema(EVENTS)
    jsonschema.Draft202012Validator.check_schema(result_schema())


def test_the_file_is_up_to_date() -> None:
    """What an editor or another program is pointed at is what the code makes."""
    told = "is out of date; make it anew: massgraph schema events >docs/events.schema.json"
    assert json.loads(FILE.read_text(encoding="utf-8")) == EVENTS, f"{FILE.name} {told}"


def test_each_type_of_event_has_its_schema() -> None:
    """One is chosen by `type`, and has every key of the event, described in a sentence."""
    chosen = EVENTS["discriminator"]["mapping"]
    assert len(chosen) == len(EVENTS["oneOf"]) == len(get_args(Event))
    for cls in get_args(Event):
        schema = EVENTS["$defs"][cls.__name__]
        assert chosen[schema["properties"]["type"]["const"]] == f"#/$defs/{cls.__name__}"
        assert tuple(schema["required"]) == tuple(schema["properties"]) == KEYS[cls]
        assert schema["description"].endswith(".")


def test_no_object_is_open() -> None:
    """But for arguments of tools and the policy, which are not the vocabulary's."""
    parts = [EVENTS["$defs"], result_schema()["$defs"], {"Result": result_schema()}]
    objects = [one for part in parts for one in part.values()]
    assert all(one["additionalProperties"] is False for one in objects)
    assert len(objects) > 40


def test_the_events_of_a_run_fit(told: list[dict[str, Any]]) -> None:
    """A whole run with its result, which fits its own schema, too."""
    assert all(map(VALID.is_valid, told))
    result = jsonschema_rs.Draft202012Validator(result_schema())
    assert result.is_valid(told[-1]["result"])
    assert not result.is_valid(told[-1]["result"] | {"usage": {}})


def _mutants(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give out what an event must not be: with a key more, a key less, a value of another type."""
    yield "more", event | {"surprise": 1}
    yield "a version", event | {"v": 2}
    yield "a type", event | {"type": "nothing"}
    for key, value in event.items():
        if key not in AGENTS:
            yield f"less {key}", {name: event[name] for name in event if name != key}
        if key != "output":  # which may be anything
            yield f"other {key}", event | {key: OTHER_TYPE[type(value)]}
    for key in ("usage", "result", "total"):
        if key in event:
            for said, inner in _mutants(event[key]):
                yield f"{key}: {said}", event | {key: inner}


def test_a_wrong_event_is_refused(told: list[dict[str, Any]]) -> None:
    """Whatever it is that is wrong, also inside the result."""
    tried = 0
    for event in {one["type"]: one for one in told}.values():
        for said, mutant in _mutants(copy.deepcopy(event)):
            assert not VALID.is_valid(mutant), f"{event['type']}, {said}"
            tried += 1
    assert tried > 200
