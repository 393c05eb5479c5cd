"""`record` and `replay` in a config, and behind an agent."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import json
from pathlib import Path

import pytest

from massgraph import Agent, Team, UserError
from massgraph.backends.cassette import RecordBackend, ReplayBackend
from massgraph.backends.fallback import FallbackBackend
from massgraph.backends.registry import equipped
from massgraph.config.loader import load_document
from massgraph.config.models import models_document

from .conftest import Load, Refused

SCRIPT = "{type: scripted, turns: [{new_answer: yes!}, {vote: first}]}"
RECORD = f"""\
agents:
  - {{id: a, backend: {{type: record, cassette: tape.db, backend: {SCRIPT}}}}}
  - {{id: b, backend: {{type: record, cassette: tape.db, name: two, backend: {SCRIPT}}}}}
"""
REPLAY = """\
agents:
  - {id: a, backend: "replay:tape.db"}
  - {id: b, backend: {type: replay, cassette: tape.db, name: two, speed: 0.5}}
"""


@pytest.fixture
def tape(load: Load) -> Path:
    """Return the cassette of a team."""
    assert load(RECORD).team().run("Yes?").answer == "yes!"
    return Path("tape.db")


def test_recorded_then_played(load: Load, tape: Path) -> None:
    """The name is the agent's id unless the config says otherwise; the file is where it runs."""
    team = load(REPLAY)
    first, second = (agent.build_backend() for agent in team.agents)
    assert isinstance(first, ReplayBackend)
    assert isinstance(second, ReplayBackend)
    assert (first.name, first.speed) == ("a", 0.0)
    assert (second.name, second.speed, second.provider_name) == ("two", 0.5, "scripted")
    result = team.team().run("Yes?")
    assert result.answer == "yes!"
    assert result.to_dict()["usage"]["total"]["calls"] == 5


def test_in_one_word(tape: Path) -> None:
    """`replay:FILE` is enough where the agent is called as it was recorded."""
    assert Agent("a", "replay:tape.db").build_backend().provider_name == "scripted"
    Path("tape.db").unlink()
    Team(
        [Agent("agent_1", {"type": "record", "cassette": "tape.db", "backend": json_script()})]
    ).run("Yes?")
    [agent] = load_document(models_document(["replay:tape.db"], None)).agents
    assert Team([agent]).run("Yes?").answer == "yes!"


def json_script() -> dict[str, object]:
    """Return the script as a program writes it."""
    return {"type": "scripted", "turns": [{"new_answer": "yes!"}, {"vote": "first"}]}


def test_mistakes_of_a_program(tape: Path) -> None:
    """They are told of the agent, when it is made where that is possible, else when it is built."""
    with pytest.raises(
        UserError, match=r"Agent 'z': The cassette 'tape.db' has no 'z'; it has: a, t"
    ):
        Agent("z", "replay:tape.db").build_backend()
    with pytest.raises(UserError, match=r"Agent 'z': replay: 'cassette' is missing"):
        Agent("z", "replay")
    with pytest.raises(UserError, match=r"Agent 'z': record: 'backend' is missing"):
        Agent("z", "record:tape.db")
    with pytest.raises(UserError, match=r"Agent 'z': Unknown provider 'opnai'"):
        Agent("z", {"type": "record", "cassette": "c", "backend": "opnai:x"})
    with pytest.raises(UserError, match=r"turns\[0\]|'turns' is missing"):
        Agent("z", {"type": "record", "cassette": "c", "backend": {"type": "scripted"}})


def test_both_of_an_agent_are_recorded(load: Load) -> None:
    """A fallback has a seat of its own, and plays from it."""
    recorded = f"{{type: record, cassette: tape.db, backend: {SCRIPT}}}"
    failing = "{type: record, cassette: tape.db, backend: {type: scripted, turns: [{error: auth}]}}"
    load(f"agent: {{id: a, backend: {failing}, fallback: {recorded}}}").team().run("Yes?")
    played = load("agent: {id: a, backend: 'replay:tape.db', fallback: 'replay:tape.db'}")
    [backend] = (agent.build_backend() for agent in played.agents)
    assert isinstance(backend, FallbackBackend)
    assert repr(backend.fallback) == "ReplayBackend('tape.db', 'a.fallback')"
    assert played.team().run("Yes?").answer == "yes!"


def test_defaults_are_for_the_one_inside(load: Load) -> None:
    """What `backend_params` says is said of the provider, not of the recorder."""
    team = load("""\
agent: {id: a, backend: {type: record, cassette: tape.db, backend: "chat_completions:m"}}
backend_params: {base_url: "http://127.0.0.1:9/v1", limits: {concurrent_calls: 3}}
""")
    [backend] = (agent.build_backend() for agent in team.agents)
    assert isinstance(backend, RecordBackend)
    assert backend.model == "m"
    assert "concurrent_calls: 3" in repr(backend.backend)


def test_what_is_missing_is_a_warning(load: Load) -> None:
    """A key that the one inside needs is told once, where it stands; nothing is made meanwhile."""
    team = load("agent: {id: a, backend: {type: record, cassette: c, backend: 'openai:gpt-5.4'}}")
    assert ["OPENAI_API_KEY" in str(warning) for warning in team.warnings] == [True]
    missing = load("agent: {id: a, backend: 'replay:none.db'}")
    assert [str(one) for one in missing.warnings] == [
        "team.yaml:1:25: There is no cassette 'none.db'."
    ]
    assert not Path("c").exists()


def test_builtin_tools_go_to_the_one_inside() -> None:
    """A role that searches searches while it is recorded, too."""
    spec = {"type": "record", "cassette": "c", "backend": "openai:gpt-5.4"}
    assert equipped(spec, ["web_search"])["backend"]["enable_web_search"] is True


ONE = "agent: {id: a, backend: {type: "


@pytest.mark.parametrize(
    ("backend", "problem"),
    [
        ("replay}", "1:25: 'cassette' is missing"),
        ("replay, cassette: 5}", "1:50: cassette must be text"),
        ("replay, cassette: c, speed: -1}", "1:60: speed must be 0 or more"),
        ("replay, cassette: c, sped: 1}", "1:53: unknown key 'sped'; did you mean 'speed'?"),
        ("replay, cassette: team.yaml}", "1:50: The cassette 'team.yaml' cannot be used: file is not a database"),
        ("record, cassette: c}", "1:25: 'backend' is missing"),
        ("record, cassette: c, backend: 5}", "1:62: backend must be a mapping or text"),
        ("record, cassette: c, backend: {type: opnai}}", "1:69: Unknown provider 'opnai'. Did you mean 'openai'?"),
        ("record, cassette: c, backend: {type: scripted}}", "1:62: 'turns' is missing"),
        ("record, cassette: c, backend: 'gpt'}", "1:62: Unknown provider 'gpt'. Known: "),
        ("record, cassette: no/c, backend: {type: scripted, turns: [{text: x}]}}", "1:50: The folder of the cassette 'no/c' does not exist."),
        ("record, cassette: team.yaml, backend: {type: scripted, turns: [{text: x}]}}", "1:50: The cassette 'team.yaml' cannot be used: file is not a database"),
    ],
)  # fmt: skip
def test_mistakes(backend: str, problem: str, refused: Refused) -> None:
    """Each has one line, at its place, before anything is made."""
    [said] = refused(f"{ONE}{backend}}}")
    assert said.startswith(problem)
    assert json.dumps(said)
    assert not Path("c").exists()
