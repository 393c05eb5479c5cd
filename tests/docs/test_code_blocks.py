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
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from langchain_core.messages import AnyMessage

from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import StreamChunk
from massgraph.backends.local import LocalBackend
from massgraph.backends.scripted import ScriptedBackend
from massgraph.cli import main
from massgraph.cli.commands import cli
from tests.made import made
from tests.wire.brain import brain
from tests.wire.server import LoopbackServer

from .blocks import PAGES, ROOT, Block, blocks

DRAWN_OR_RUN = {"", "json", "mermaid", "python", "sh", "toml", "yaml"}
RUN = {"demo"}
"""The verbs of make that are run; tests/providers runs `providers`, the others are looked up."""
SLOW = {
    ".venv/bin/massgraph graph -c team.yaml --format svg -o team.svg",
    "massgraph graph -c examples/scripted.yaml --format png -o graph.png",
    '.venv/bin/massgraph run "Name a planet."',
    "python -m benchmarks.accuracy --quick",
    "python -m benchmarks.caching --only a",
    "python -m benchmarks.coordination",
}
"""Commands that take long, and do what others here, or the tests of the benchmarks, do as well."""
TYPED = {"chat": "How many moons does Mars have?\n/quit\n"}
"""What is typed into a command that waits for a person."""
TEAM = next(block for block in blocks("yaml") if block.page.name == "README.md")


class Standin(LocalBackend):
    """What answers for the embedded model, which takes seconds for a team's run."""

    async def prepare(self) -> None:
        """Load nothing."""

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncGenerator[StreamChunk]:
        votes = any(tool.name == "vote" for tool in tools)
        said = {"vote": "agent1"} if votes else {"new_answer": "Paris."} if tools else {"text": "P"}
        async for chunk in ScriptedBackend([said]).stream_with_tools(messages, tools, **params):
            yield chunk


def _pasted() -> Iterator[Any]:
    """Give out the blocks of Python; those of the embedded model twice, with it and without."""
    for block in blocks("python"):
        if 'backend="local"' in block.text:
            yield pytest.param(block, LocalBackend, marks=pytest.mark.soak, id=f"{block.name}-real")
        yield pytest.param(block, Standin, id=block.name)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("block", "model"), list(_pasted()))
def test_a_python_block_runs(
    block: Block, model: type[LocalBackend], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A reader who pastes it gets no error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("massgraph.backends.local.LocalBackend", model)
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
        typed = TYPED.get(words[0], "").encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = (text.decode("utf-8", "replace") for text in capsysbinary.readouterr())
        assert isinstance(left.value.code, int)
        assert out or not typed, f"nobody answers {words}"
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
    """Give out the commands of each block, which lean on each other; slow ones stand alone."""
    for block in blocks("sh"):
        lines = [line for line in block.text.splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith(("#", "export "))]
        for line in lines:
            if line.removeprefix("$ ") in SLOW:
                yield pytest.param([line], marks=pytest.mark.soak, id=f"{block.name}-{line}")
        quick = [line for line in lines if line.removeprefix("$ ") not in SLOW]
        if quick:
            yield pytest.param(quick, id=block.name)


def test_what_is_slow_is_there() -> None:
    """No command is left out that the documentation does not show."""
    shown = {line.removeprefix("$ ") for block in blocks("sh") for line in block.text.splitlines()}
    assert shown >= SLOW


@pytest.mark.parametrize("block", blocks(""), ids=lambda block: block.name)
def test_no_command_hides(block: Block) -> None:
    """What a reader may type stands in a block of `sh`, where it is run; a `$` is no way out."""
    command = r"^\s*(\$ |[\w./]*bin/)*(massgraph (?!\d)|make \w|python -m |pip |uv )"
    assert not re.search(command, block.text, re.MULTILINE)


def _mentions() -> set[str]:
    """Return every command of ours that stands in the text."""
    return {
        " ".join(found.split())
        for page in PAGES
        for found in re.findall(r"`(?:\.venv/bin/)?massgraph (.+?)`", page.read_text(), re.DOTALL)
        if "```" not in found
    }


@pytest.mark.parametrize("mention", sorted(_mentions()))
def test_what_the_text_names_is_there(mention: str) -> None:
    """Each command and option, also one that stands in a sentence."""
    command: click.Command = cli
    for word in re.findall(r"[^\s|,;()\[\]]+", mention):
        if isinstance(command, click.Group) and not word.startswith("-") and word.islower():
            command = command.get_command(click.Context(command), word) or pytest.fail(word)
        elif word.startswith("-") and word != "-":
            given = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
            assert word.partition("=")[0] in given | {"--help", "-h", "--"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder with the README's team, and a server on this machine that plays its models."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config: dict[str, Any] = yaml.safe_load(TEAM.text)
    with LoopbackServer(brain) as server:
        for agent in config["agents"]:
            agent["backend"]["base_url"] = server.base_url
        (tmp_path / "team.yaml").write_text(yaml.safe_dump(config))
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        yield tmp_path, server.base_url


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lines", list(_commands()))
def test_shell_commands_work(
    lines: list[str], desk: tuple[Path, str], massgraph: Massgraph
) -> None:
    """A reader who types them, one after the other, sees each succeed.

    `make test` is only looked up, being this very run, and so are the tests that run for hours.
    """
    folder, _ = desk
    for line in lines:
        program, *arguments = shlex.split(re.sub(r"^(\$ )?(\.venv/bin/)?", "", line), comments=True)
        if program == "massgraph":
            done = massgraph(arguments, folder)
        else:
            done = {"make": _make, "python": _python}[program](arguments)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def _make(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    flags = [f"VENV={sys.prefix}"] if made() and RUN & set(arguments) else ["--dry-run"]
    return subprocess.run(
        ["make", "-s", *flags, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def _python(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    if arguments[1].startswith("tests."):
        return subprocess.CompletedProcess(arguments, int(find_spec(arguments[1]) is None), "", "")
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
