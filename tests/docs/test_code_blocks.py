"""Every code block of the documentation does what it says."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from massgraph.cli import main
from tests.made import made
from tests.wire.brain import brain
from tests.wire.server import LoopbackServer

from .blocks import ROOT, Block, blocks

DRAWN_OR_RUN = {"", "json", "mermaid", "python", "sh", "toml", "yaml"}
RUN = {"demo"}
"""The verbs of make that are run; tests/providers runs `providers`, the others are looked up."""
SLOW = {
    'make demo QUESTION="Name a planet."',
    '.venv/bin/massgraph run "Name a planet."',
    "python -m benchmarks.accuracy --quick",
    "python -m benchmarks.caching --only a",
    "python -m benchmarks.coordination",
}
"""Commands that take long, and do what others here, or the tests of the benchmarks, do as well."""
TEAM = next(block for block in blocks("yaml") if block.page.name == "README.md")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.name)
def test_a_python_block_runs(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A reader who pastes it gets no error."""
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.name, "exec"), {"__name__": "__main__"})


Massgraph = Callable[[list[str], Path], subprocess.CompletedProcess[str]]


@pytest.fixture
def massgraph(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Massgraph:
    """Run a command of ours in this process: another one would import everything anew."""

    def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        for name in [name for name in os.environ if name.endswith("_API_KEY")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = (text.decode("utf-8", "replace") for text in capsysbinary.readouterr())
        assert isinstance(left.value.code, int)
        return subprocess.CompletedProcess(words, left.value.code, out, err)

    return run


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.name)
def test_a_config_block_is_valid(block: Block, tmp_path: Path, massgraph: Massgraph) -> None:
    """A reader who saves it gets no complaint."""
    (tmp_path / "team.yaml").write_text(block.text)
    done = massgraph(["validate", "team.yaml"], tmp_path)
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


def _commands() -> Iterator[Any]:
    for block in blocks("sh"):
        for line in block.text.splitlines():
            if line.strip() and not line.startswith(("#", "export ")):
                slow = line.removeprefix("$ ") in SLOW
                yield pytest.param(block.name, line, marks=pytest.mark.soak if slow else ())


def test_what_is_slow_is_there() -> None:
    """No command is left out that the documentation does not show."""
    shown = {line.removeprefix("$ ") for block in blocks("sh") for line in block.text.splitlines()}
    assert shown >= SLOW


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
def test_a_shell_command_works(
    where: str, line: str, desk: tuple[Path, str], massgraph: Massgraph
) -> None:
    """A reader who types it sees it succeed; `make test` is only looked up, being this very run."""
    folder, _ = desk
    words = shlex.split(re.sub(r"^(\$ )?(\.venv/bin/)?", "", line))
    program, *arguments = words
    if program == "massgraph":
        done = massgraph(arguments, folder)
    else:
        done = {"make": _make, "python": _python}[program](arguments)
    assert done.returncode == 0, f"{where}: {line}\n{done.stdout}\n{done.stderr}"


def _make(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    flags = [f"VENV={sys.prefix}"] if made() and RUN & set(arguments) else ["--dry-run"]
    return subprocess.run(
        ["make", "-s", *flags, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def _python(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | {"MASSGRAPH_FORBID_REAL_REQUESTS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
