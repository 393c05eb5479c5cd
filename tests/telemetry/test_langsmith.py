"""LangSmith gets the runs of teams from LangGraph, without keys; without it, they go on as ever."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from massgraph.telemetry import langsmith

from ..secrets.canaries import Canaries
from .collector import Collector

CONFIG: dict[str, Any] = {
    "agents": [
        {
            "id": "alice",
            "tools": ["calculator"],
            "backend": {
                "type": "scripted",
                "turns": [
                    {
                        "tool_calls": [{"name": "calculator", "args": {"expression": "2+2"}}],
                        "when": "no_answers",
                    },
                    {"new_answer": "4", "when": "no_answers"},
                    {"vote": "first", "when": "answers"},
                ],
            },
        },
        {
            "id": "bob",
            "backend": {"type": "openai", "model": "gpt-5.4", "base_url": "http://127.0.0.1:1/v1"},
        },
    ],
    "policy": {"attempts": 1},
}


def run(tmp_path: Path, config: dict[str, Any], **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with LangSmith on."""
    path = tmp_path / "team.json"
    path.write_text(json.dumps(config))
    return subprocess.run(
        [sys.executable, "-m", "massgraph", "run", "-c", str(path), "--quiet", "What?"],
        env={**os.environ, "LANGSMITH_TRACING": "true", **env},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )


@pytest.mark.soak
def test_its_runs_have_names_and_no_keys(tmp_path: Path) -> None:
    """The graph, its nodes and the agents are told as they are called; keys stay here."""
    canaries, config = Canaries(), copy.deepcopy(CONFIG)
    config["agents"][1]["backend"]["api_key"] = canaries.plain("config")
    keys = {name: canaries.plain(name) for name in ("OPENAI_API_KEY", "LANGSMITH_API_KEY")}
    with Collector() as collector:
        done = run(tmp_path, config, LANGSMITH_ENDPOINT=collector.url, **keys)
    assert (done.stdout, done.stderr) == ("4\n", "")
    bodies = [body for path, body in collector.bodies if path == "/runs/batch"]
    posted = [run for body in bodies for run in json.loads(body).get("post") or []]
    names = {run["name"] for run in posted}
    assert {"team", "ask", "alice", "bob", "turn", "think", "calculator"} <= names
    assert "LangGraph" not in names
    assert [run["name"] for run in posted if not run.get("parent_run_id")] == ["team"]
    assert not canaries.found_in(*bodies)


@pytest.mark.parametrize("name", langsmith.SWITCHES)
def test_any_of_its_variables_switches_it_on(name: str) -> None:
    """As LangSmith itself has it; then it is kept from holding up the end of a program."""
    assert langsmith.is_on({name: "true"})
    assert not langsmith.is_on({name: "false"})
    assert not langsmith.is_on({})


@pytest.mark.soak
def test_a_server_that_is_gone_harms_no_command(tmp_path: Path) -> None:
    """What is printed is the same, and the end does not wait for it."""
    config = {**CONFIG, "agents": CONFIG["agents"][:1]}
    began = time.monotonic()
    done = run(tmp_path, config, LANGSMITH_ENDPOINT="http://127.0.0.1:1", LANGSMITH_API_KEY="x")
    assert (done.stdout, done.stderr) == ("4\n", "")
    assert time.monotonic() - began < 20
