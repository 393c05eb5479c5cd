"""Every code block of the documentation does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.wire.brain import brain
from tests.wire.server import LoopbackServer

from .blocks import ROOT, Block, blocks

DRAWN_OR_RUN = {"", "json", "mermaid", "python", "sh", "toml", "yaml"}
RUN = {"demo", "providers"}
"""The verbs of make that are run; the others are looked up."""
TEAM = next(block for block in blocks("yaml") if block.page.name == "README.md")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.name)
def test_a_python_block_runs(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A reader who pastes it gets no error."""
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.name, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.name)
def test_a_config_block_is_valid(block: Block, tmp_path: Path) -> None:
    """A reader who saves it gets no complaint."""
    (tmp_path / "team.yaml").write_text(block.text)
    done = _run(["massgraph", "validate", "team.yaml"], tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.name)
def test_a_json_block_is_json(block: Block) -> None:
    """What is shown as JSON parses as JSON."""
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.name)
def test_a_toml_block_is_toml(block: Block) -> None:
    """What is shown as TOML parses as TOML."""
    assert tomllib.loads(block.text)


def test_every_kind_of_block_is_looked_at() -> None:
    """No block is in a language that nothing checks."""
    from .blocks import all_languages

    assert all_languages() <= DRAWN_OR_RUN


def _commands() -> Iterator[tuple[str, str]]:
    for block in blocks("sh"):
        for line in block.text.splitlines():
            if line.strip() and not line.startswith(("#", "export ")):
                yield block.name, line


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder with the README's team, and a server on this machine that plays its models."""
    config: dict[str, Any] = yaml.safe_load(TEAM.text)
    with LoopbackServer(brain) as server:
        for agent in config["agents"]:
            agent["backend"]["base_url"] = server.base_url
        (tmp_path / "team.yaml").write_text(yaml.safe_dump(config))
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        yield tmp_path, server.base_url


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("where", "line"), list(_commands()))
def test_a_shell_command_works(where: str, line: str, desk: tuple[Path, str]) -> None:
    """A reader who types it sees it succeed; `make test` is only looked up, being this very run."""
    folder, _ = desk
    words = shlex.split(re.sub(r"^(\$ )?(\.venv/bin/)?", "", line))
    done = _make(words[1:]) if words[0] == "make" else _run(words, folder)
    assert done.returncode == 0, f"{where}: {line}\n{done.stdout}\n{done.stderr}"


def _make(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    ready = (Path(sys.prefix) / ".stamp").exists() and RUN & set(arguments)
    flags = [f"VENV={sys.prefix}"] if ready else ["--dry-run"]
    return subprocess.run(
        ["make", "-s", *flags, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    program = {"massgraph": ["-m", "massgraph"], "python": []}[words[0]]
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    if words[0] == "python":
        folder = ROOT
    return subprocess.run(
        [sys.executable, *program, *words[1:]],
        cwd=folder,
        env=environment | {"OPENAI_API_KEY": "not-a-key", "MASSGRAPH_FORBID_REAL_REQUESTS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
