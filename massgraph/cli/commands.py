"""The commands, and what is common to them: how each one ends.

Modules here import what is heavy where they use it: `massgraph --help` must cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from .. import __version__
from .draw import graph
from .ending import Status, told
from .output import flush_streams
from .replay import replay
from .resume import resume
from .run import run
from .shared import verbose_option
from .threads import threads
from .validate import validate
from .verify import verify

PLANNED = (
    "batch",
    "chat",
    "doctor",
    "init",
    "models",
    "serve",
)
"""Commands that are not built yet: they are refused by name."""


class Commands(click.Group):
    """The commands, less those that are not built yet."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant."""
        if args[0] in PLANNED:
            raise click.UsageError(f"{args[0]} is not supported yet.", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, package_name="massgraph", message="%(prog)s %(version)s")
@verbose_option
def cli() -> None:
    """Teams of LLM agents that answer, vote and settle, as a state machine."""


cli.add_command(run)
cli.add_command(resume)
cli.add_command(threads)
cli.add_command(graph)
cli.add_command(validate)
cli.add_command(replay)
cli.add_command(verify)


def status_of(arguments: Sequence[str]) -> int:
    """Run the command line, and return its status."""
    status: int = Status.FAILED
    context: click.Context | None = None
    try:
        with cli.make_context("massgraph", list(arguments)) as context:
            returned = cli.invoke(context)
        status = returned if isinstance(returned, int) else Status.OK
    except BaseException as exc:
        status = told(exc, verbose=context is not None and bool(context.meta.get("verbose")))
    return int(status if flush_streams() else status or Status.FAILED)
