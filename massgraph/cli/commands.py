"""The commands, and what is common to them: how each one ends.

A command's module is imported when the command is meant, and it imports what is heavy where it
uses it: `massgraph --help` must cost next to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import cast

import click

from .. import __version__
from .command import Group
from .ending import Status, told
from .output import flush_streams
from .telemetry import send_the_rest
from .verbosity import StderrLog, verbose_option

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Ask": {
        "run": "Ask a team one question.",
        "chat": "Ask a team one question after the other.",
        "batch": "Ask a team many questions.",
        "resume": "Go on with a run that was interrupted.",
    },
    "Set up": {
        "init": "Write a config, after a few questions.",
        "doctor": "Check keys, extras, servers and the store.",
        "models": "List known models and what they cost.",
        "graph": "Draw the graph of a config.",
        "validate": "Check a config.",
        "schema": "Print a JSON Schema: of configs, events, results.",
        "completion": "Complete words in a shell.",
    },
    "Look back": {
        "replay": "Play back a run that was recorded.",
        "threads": "List, show, fork and remove threads.",
        "verify": "Check what was recorded of a run.",
    },
}
"""The commands with what each one does, as the help shows them."""

MODULES: Mapping[str, str] = {"graph": "draw"}
"""Where a command is, if its module is not called as it is; the function always is."""

PLANNED = ("serve",)
"""Commands that are not built yet: they are refused by name."""

COMPLETE = "_MASSGRAPH_COMPLETE"
"""The variable by which a shell asks what a word may become."""


class Commands(Group):
    """The commands, each imported when it is meant; less those that are not built yet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f".{MODULES.get(cmd_name, cmd_name)}", __package__)
        return cast("click.Command", getattr(module, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant."""
        if args[0] in PLANNED:
            raise click.UsageError(f"{args[0]} is not supported yet.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for; none of them is imported."""
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=[
        'massgraph run "Name a planet."   # asks the embedded model: no key, no config',
        "massgraph init                   # writes a config, after a few questions",
        "massgraph doctor                 # looks whether everything is in place",
        "massgraph run --help             # each command shows examples",
    ],
)
@click.version_option(__version__, package_name="massgraph", message="%(prog)s %(version)s")
@verbose_option
def cli() -> None:
    """Teams of LLM agents that answer, vote and settle, as a state machine."""


def status_of(arguments: Sequence[str]) -> int:
    """Run the command line, and return its status."""
    status: int = Status.FAILED
    context: click.Context | None = None
    try:
        if COMPLETE in os.environ:
            from .completion import answer_shell

            return answer_shell(cli, os.environ[COMPLETE])
        with StderrLog().installed(), cli.make_context("massgraph", list(arguments)) as context:
            returned = cli.invoke(context)
        status = returned if isinstance(returned, int) else Status.OK
    except BaseException as exc:
        status = told(exc, verbose=context is not None and bool(context.meta.get("verbose")))
    flushed = flush_streams()
    send_the_rest()
    return int(status if flushed else status or Status.FAILED)
