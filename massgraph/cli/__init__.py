"""The command line. What it promises stands in docs/cli.md.

Modules here import what is heavy where they use it: `massgraph --help` must cost next to nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from .. import __version__
from .draw import graph
from .ending import Status, told
from .run import run
from .shared import verbose_option
from .validate import validate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, package_name="massgraph", message="%(prog)s %(version)s")
@verbose_option
def cli() -> None:
    """Teams of LLM agents that answer, vote and settle, as a state machine."""


cli.add_command(run)
cli.add_command(graph)
cli.add_command(validate)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit with its status."""
    status: int = Status.FAILED
    context: click.Context | None = None
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        with cli.make_context("massgraph", words) as context:
            returned = cli.invoke(context)
        status = returned if isinstance(returned, int) else Status.OK
    except BaseException as exc:
        status = told(exc, verbose=context is not None and bool(context.meta.get("verbose")))
    sys.exit(int(status))
