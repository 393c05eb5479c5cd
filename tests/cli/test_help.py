"""Help: what is there, an example for each command, and what was meant by a slip of the pen."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from massgraph.cli.command import Command, Group
from massgraph.cli.commands import MODULES, SECTIONS
from massgraph.cli.commands import cli as group

from .conftest import Cli

RUN_HERE = frozenset(("completion", "doctor", "init", "models", "validate"))
"""Commands whose examples need no key, no answer and no folder of their own."""
LEFT_OUT = ("--deep", "doctor -c")
"""Examples that take long."""
ASKING = ("massgraph init", "massgraph doctor")
"""Examples that ask a person, or the network."""


def walked(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Give out a command and those below it, by their names."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from walked(found, f"{name} {word}")


ALL = dict(walked(group, "massgraph"))


def of_ours(line: str) -> list[str]:
    """Return the words of the one call of massgraph that a command line holds."""
    inner = re.search(r"\$\((massgraph [^)]*)\)", line)
    words = shlex.split(inner[1] if inner else line, comments=True)
    words = words[words.index("massgraph") + 1 :]
    return words[: next((n for n, word in enumerate(words) if word[0] in "<>|"), len(words))]


def examples() -> list[Any]:
    """Return every example of every command."""
    return [
        pytest.param(name, line, id=line)
        for name, command in ALL.items()
        for line in getattr(command, "examples", ())
    ]


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_an_example(name: str) -> None:
    """It is in the help, on one line, and is about this very command."""
    command = ALL[name]
    assert isinstance(command, Command | Group)
    assert command.examples
    shown = command.get_help(click.Context(command, info_name=name, max_content_width=60))
    for line in command.examples:
        assert f"\n  {line}" in shown
        assert f"{name} " in f"{line} " or name == "massgraph"


@pytest.mark.parametrize("name", [name for name in ALL if not isinstance(ALL[name], Group)])
def test_what_all_commands_have_comes_last(name: str) -> None:
    """The options that matter are read first, and the common ones stand at the same place."""
    shown = [one.name for one in ALL[name].params if not getattr(one, "hidden", False)]
    assert shown[-2:] == ["verbose", "log_format"]


@pytest.mark.parametrize(("name", "line"), examples())
def test_every_example_parses(name: str, line: str) -> None:
    """A reader who types it is not told of a mistake."""
    command: click.Command = group
    context, words = None, of_ours(line)
    while isinstance(command, click.Group):
        context = click.Context(command, parent=context)
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    if "--help" not in words:
        command.make_context(command.name, list(words), parent=context)


def runnable() -> Iterator[str]:
    """Give out the examples that are run."""
    for name, command in ALL.items():
        for line in getattr(command, "examples", ()):
            left_out = line in ASKING or any(part in line for part in LEFT_OUT)
            if name.split()[-1] in RUN_HERE and not left_out:
                yield line


@pytest.mark.parametrize("line", list(runnable()))
def test_examples_work(line: str, cli: Cli, folder: Path) -> None:
    """Those that need no key do what they say."""
    if "init" in line:
        (folder / "team.yaml").unlink()
    ended = cli(*of_ours(line))
    assert ended.status == 0, ended.err


def test_the_table_tells_what_the_commands_tell() -> None:
    """The group's help imports no command, and shows the same."""
    told = {name: text for section in SECTIONS.values() for name, text in section.items()}
    assert told == {name: ALL[f"massgraph {name}"].short_help for name in told}
    assert MODULES.keys() <= told.keys()


def test_massgraph_alone(cli: Cli) -> None:
    """A newcomer who types nothing but the name is told what to type first."""
    ended = cli()
    assert (ended.status, ended.out) == (2, b"")
    assert 'massgraph run "Name a planet."' in ended.err
    assert ended.err.index("Ask:") < ended.err.index("Examples:")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vrify",), "No such command 'vrify'. Did you mean 'verify'? (see massgraph --help)"),
        (("Run",), "Did you mean 'run'?"),
        (("threads", "shwo"), "Did you mean 'show'? (see massgraph threads --help)"),
        (("Name a planet.",), "To ask a question: massgraph run QUESTION"),
        (("xyz",), "No such command 'xyz'. (see massgraph --help)"),
        (("run", "--quit"), "'--quiet'"),
        (("init", "--yes", "--rule", "bodra"), "did you mean 'borda'?"),
    ],
)
def test_what_was_meant(words: tuple[str, ...], said: str, cli: Cli) -> None:
    """A slip of the pen is met with the word that is near."""
    ended = cli(*words)
    assert (ended.status, ended.out) == (2, b"")
    assert said in ended.err
