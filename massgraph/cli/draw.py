"""`massgraph graph`: the machine of a config, drawn."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ..display.manners import is_terminal
from . import complete
from .command import Command
from .ending import Status
from .output import OutFile, Stdout
from .team_options import TeamOptions, load_team, team_options
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..graphs.composition import TeamGraph

FORMATS = ("mermaid", "json", "svg", "png")
PLANNED_FORMATS = ("ascii", "dot", "html")


@click.command(
    "graph",
    cls=Command,
    short_help="Draw the graph of a config.",
    examples=[
        "massgraph graph -c two_agents",
        "massgraph graph -c team.yaml --no-xray --format svg -o team.svg",
        "massgraph graph --graph debate --format json",
    ],
)
@click.option(
    "--format",
    "form",
    default="mermaid",
    show_default=True,
    metavar="|".join(FORMATS),
    shell_complete=complete.one_of(FORMATS),
    help="What to draw it as.",
)
@click.option("--xray/--no-xray", default=True, help="Open the agents' own graphs, or not.")
@click.option(
    "-o",
    "out",
    metavar="FILE",
    shell_complete=complete.files,
    help="Write it to a file, instead of stdout.",
)
@team_options
@verbose_option
def graph(form: str, xray: bool, out: str | None, **team: Any) -> int:
    """Draw the graph that would run. Nobody is called, and no key is needed."""
    from ..backends.errors import UserError

    if form not in FORMATS:
        kind = "is not supported yet" if form in PLANNED_FORMATS else "is no format"
        raise UserError(f"--format {form} {kind}; supported: {', '.join(FORMATS)}.")
    if form == "png" and out is None and is_terminal(sys.stdout):
        raise UserError("A png is not for a terminal.", hint="Name a file: -o graph.png")
    with Stdout() as stdout:  # what code of the user's own prints meanwhile is kept off it
        file = OutFile.check(out) if out is not None else None
        drawn = _drawn(load_team(TeamOptions(**team)).team().drawn(), form, xray)
        if file is not None:
            file.write(drawn)
        else:
            stdout.write(drawn)
    return Status.OK


def _drawn(graph: TeamGraph, form: str, xray: bool) -> bytes:
    from ..graphs import drawing

    match form:
        case "json":
            shape = drawing.to_json(graph, xray=xray)
            return f"{json.dumps(shape, ensure_ascii=False, indent=2)}\n".encode()
        case "svg":
            return _text(drawing.svg(graph, xray=xray))
        case "png":
            return drawing.png(graph, xray=xray)
        case _:
            return _text(drawing.mermaid(graph, xray=xray))


def _text(drawn: str) -> bytes:
    return f"{drawn.rstrip()}\n".encode()
