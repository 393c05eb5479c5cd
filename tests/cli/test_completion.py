"""Completion: what a word may become, and what the shells are told."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from massgraph.cli.commands import cli as group
from massgraph.cli.completion import SHELLS

from .conftest import Cli, environment

SHIPPED = ["technical_analysis", "three_agents", "travel_planning", "two_agents"]


def completed(*words: str) -> list[str]:
    """Return what the last word may become."""
    asked = ShellComplete(group, {}, "massgraph", "_MASSGRAPH_COMPLETE")
    return [item.value for item in asked.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("re",), ["resume", "replay"]),
        (("threads", "p"), ["prune"]),
        (("run", "--system"), ["--system-message"]),
        (("run", "--graph", "d"), ["debate"]),
        (("run", "--backend", "cl"), ["claude"]),
        (("run", "--display", "s"), ["simple"]),
        (("run", "--model", "ge"), ["gemini:"]),
        (("run", "--model", "nobody:"), []),
        (("graph", "--format", ""), ["mermaid", "json", "svg", "png"]),
        (("init", "--rule", "u"), ["unanimity"]),
        (("models", "--provider", "deep"), ["deepseek"]),
        (("schema", "e"), ["events"]),
        (("completion", "z"), ["zsh"]),
        (("run", "-c", "t"), [*SHIPPED, "team.yaml"]),
        (("validate", "./ha"), ["./hanging.yaml"]),
        (("doctor", "--config", "nowhere/"), []),
    ],
)
def test_values(words: tuple[str, ...], found: list[str]) -> None:
    """Names, configs and formats are completed where they belong."""
    assert completed(*words) == found


def test_models_of_a_provider() -> None:
    """Behind the colon, the models come that write answers."""
    found = completed("run", "--model", "claude:claude-sonnet")
    assert "claude:claude-sonnet-5-5" in found
    assert all(one.startswith("claude:claude-sonnet") for one in found)
    assert not completed("run", "--model", "openai:gpt-image")


def test_a_folder_alone_is_left_to_the_shell(folder: Path) -> None:
    """It sets no blank behind the name."""
    (folder / "deep").mkdir()
    asked = ShellComplete(group, {}, "massgraph", "")
    [item] = asked.get_completions(["run", "-c"], "dee")
    assert (item.type, item.value) == ("file", "dee")


@pytest.mark.parametrize("words", [("batch",), ("batch", "-o"), ("run", "-o"), ("graph", "-o")])
def test_files_are_left_to_the_shell(words: tuple[str, ...]) -> None:
    """It knows them best."""
    asked = ShellComplete(group, {}, "massgraph", "")
    [item] = asked.get_completions(list(words), "q")
    assert (item.type, item.value) == ("file", "q")


def test_threads(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's threads come, the newest first; without a store, or with a broken one, none."""
    state = folder / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    assert completed("resume", "") == []
    assert not state.exists(), "nothing is made by looking"
    for name in ("rivers", "hills"):
        assert cli("run", "-c", "team.yaml", "--quiet", "--thread", name, "Q?").status == 0
    assert completed("resume", "") == ["hills", "rivers"]
    assert completed("threads", "rm", "r") == ["rivers"]
    assert completed("verify", "riv") == ["rivers"]
    own = f"sqlite:///{state / 'massgraph' / 'massgraph.db'}"
    assert completed("replay", "--db", own, "hi") == ["hills"]
    assert completed("resume", "--db", "memory:", "") == []
    with closing(sqlite3.connect(state / "massgraph" / "massgraph.db")) as database, database:
        database.execute("UPDATE massgraph_threads SET body = 'x' WHERE thread_id = 'hills'")
    assert completed("threads", "rm", "") == ["rivers", "hills"]
    (state / "massgraph" / "massgraph.db").write_bytes(b"no database")
    assert completed("resume", "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script(shell: str, cli: Cli) -> None:
    """It is the shell's own, and says in one line how it is installed."""
    ended = cli("completion", shell)
    text = ended.out.decode()
    assert (ended.status, ended.err) == (0, "")
    assert f"{shell}_complete" in text
    assert f"massgraph completion {shell}" in next(
        line for line in text.splitlines() if line.startswith("# To install")
    )
    assert text.startswith("#compdef") is (shell == "zsh")


@pytest.mark.parametrize(
    ("line", "breaks", "found"),
    [
        ("massgraph run --model cla", ":=", ["plain,claude:"]),
        ("massgraph run --model local", ":=", ["plain,local:", "plain,local"]),
        ("massgraph run --model claude:claude-opus-5-", ":=", ["plain,claude-opus-5-5"]),
        ("massgraph run --model claude:claude-opus-5-", "=", ["plain,claude:claude-opus-5-5"]),
        ("massgraph run --config=rese", ":=", ["plain,research"]),
        ("massgraph schema ", ":=", ["plain,config", "plain,events", "plain,result"]),
    ],
)
def test_what_bash_is_told(
    line: str, breaks: str, found: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bash splits a word at its colons, and gets no more than what it wants to put in."""
    monkeypatch.setenv("_MASSGRAPH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORDBREAKS", breaks)
    ended = cli("what", "stands", "here", "counts", "for", "nothing")
    assert (ended.status, ended.err) == (0, "")
    told = ended.out.decode().split()
    assert [one for one in told if one in found] == [one for one in found if one in told] == told


@pytest.mark.parametrize("instruction", ["bash", "tcsh_complete", "", "bash_source"])
def test_an_unknown_shell(instruction: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is printed into the line that a person types."""
    monkeypatch.setenv("_MASSGRAPH_COMPLETE", instruction)
    ended = cli()
    assert (ended.status, ended.out, ended.err) == (1, b"", "")


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_real_bash(folder: Path) -> None:
    """Its own completion puts the words in."""
    program = folder / "massgraph"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m massgraph "$@"\n')
    program.chmod(0o755)
    script = """
        eval "$(massgraph completion bash)"
        try() {
            COMP_LINE=$1; COMP_POINT=${#1}; COMPREPLY=()
            compopt() { :; }
            _massgraph_completion massgraph
            printf '%s|' "${COMPREPLY[@]}"; echo
        }
        try 'massgraph val'
        try 'massgraph run -c te'
        try 'massgraph run --model grok:grok-4.7'
    """
    env = {**environment(), "PATH": f"{folder}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=False, env=env
    )
    assert ran.stdout.splitlines() == ["validate|", "technical_analysis|team.yaml|", "grok-4.7|"]
    assert ran.stderr == ""


def test_looking_imports_nothing_heavy(folder: Path) -> None:
    """A person waits for it: threads and configs come without the library."""
    code = (
        "import sys\n"
        "from massgraph.cli import complete\n"
        "complete.threads(type('C', (), {'params': {}})(), None, '')\n"
        "complete.configs(None, None, '')\n"
        "print(*sys.modules)\n"
    )
    words = [sys.executable, "-c", code]
    loaded = set(subprocess.check_output(words, env=environment(), text=True).split())
    assert not loaded & {"pydantic", "langgraph", "rich", "yaml", "genai_prices", "aiosqlite"}
