"""`massgraph schema`: the JSON Schemas of what massgraph reads and prints."""

from __future__ import annotations

import json
from typing import Any

import click

from .command import Command
from .complete import files
from .ending import Status
from .output import OutFile, Stdout
from .verbosity import verbose_option

KINDS = ("config", "events", "result")


@click.command(
    "schema",
    cls=Command,
    short_help="Print a JSON Schema: of configs, events, results.",
    examples=[
        "massgraph schema config -o massgraph.schema.json",
        "massgraph schema events",
        "massgraph schema result",
    ],
)
@click.argument("kind", type=click.Choice(KINDS))
@click.option("-o", "out", metavar="FILE", shell_complete=files, help="Write it to a file.")
@verbose_option
def schema(kind: str, out: str | None) -> int:
    """Print the JSON Schema (draft 2020-12) of configs, of an event, or of a result.

    An editor that is told of the schema of configs completes and checks them as they are written;
    docs/cli.md tells how.
    """
    with Stdout() as stdout:
        file = OutFile.check(out) if out is not None else None
        text = f"{json.dumps(_made(kind), indent=2, ensure_ascii=False)}\n".encode()
        if file is not None:
            file.write(text)
        else:
            stdout.write(text)
    return Status.OK


def _made(kind: str) -> dict[str, Any]:
    match kind:
        case "events":
            from ..events_schema import events_schema

            return events_schema()
        case "result":
            from ..events_schema import result_schema

            return result_schema()
        case _:
            from ..config.json_schema import config_schema

            return config_schema()
