"""What the tests of the command line share."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import massgraph
from massgraph.cli import main

ROOT = Path(massgraph.__file__).parents[1]

TEAM = """\
agents:
  - id: alice
    backend: &backend
      type: scripted
      turns:
        - {when: no_answers, new_answer: Paris}
        - {when: answers, vote: first, reason: It is right.}
        - {when: present, text: "It is **Paris**."}
  - id: bob
    backend: *backend
"""
"""Two agents who agree."""
HANGING = """\
agents:
  - id: alice
    backend: {type: scripted, turns: [{text: "Let me think.", hang: true}]}
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, as JSON."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What stdout holds, as JSON lines."""
        return [json.loads(line) for line in self.out.decode().splitlines()]


Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that holds the configs `team.yaml` and `hanging.yaml`, without keys."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "team.yaml").write_text(TEAM)
    (tmp_path / "hanging.yaml").write_text(HANGING)
    return tmp_path


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Run a command in this process."""

    def cli(*words: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = capsysbinary.readouterr()
        assert isinstance(left.value.code, int)
        return Ended(left.value.code, out, err.decode())

    return cli


def scripted(*turns: dict[str, Any]) -> str:
    """Return a config of one agent who plays these turns."""
    backend = {"type": "scripted", "turns": list(turns)}
    return json.dumps({"agent": {"id": "alice", "backend": backend}})


def environment() -> dict[str, str]:
    """Return an environment in which another process finds the same massgraph."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def started(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a command in a process of its own."""
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-m", "massgraph", *words],
        env=environment(),
        **{"stdin": subprocess.DEVNULL, **pipes, **options},
    )
