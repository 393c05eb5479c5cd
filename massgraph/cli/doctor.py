"""`massgraph doctor`: whether everything is in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .command import Command
from .complete import configs
from .db_option import db_option
from .ending import Status, say
from .output import Stdout, json_line
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..doctor import Check, Level

_COLOURS: dict[Level, str] = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command(
    "doctor",
    cls=Command,
    short_help="Check keys, extras, servers and the store.",
    examples=[
        "massgraph doctor",
        "massgraph doctor --offline --json",
        "massgraph doctor -c team.yaml",
        "massgraph doctor --deep",
    ],
)
@click.option("-c", "--config", metavar="FILE", shell_complete=configs, help="Check its team, too.")
@click.option("--offline", is_flag=True, help="Ask no server.")
@click.option("--deep", is_flag=True, help="Ask the embedded model a short question.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON object.")
@db_option
@verbose_option
def doctor(config: str | None, offline: bool, deep: bool, as_json: bool, db: str | None) -> int:
    """Look whether everything is in place to run a team, and say what to do about what is not.

    A line a check: ok, warning or problem. Keys are named by their variables, and never shown nor
    sent: a server is asked for nothing but an answer, for 3 seconds at most.

    Exit status: 0 when nothing is a problem, 1 when something is.
    """
    from ..doctor import examined

    with Stdout() as stdout:
        checks = examined(config=config, offline=offline, deep=deep, db=db)
        found = list(checks if as_json else _shown(checks, stdout))
        problems = sum(check.level == "problem" for check in found)
        if as_json:
            listed = [asdict(check) for check in found]
            stdout.write(json_line({"ok": not problems, "checks": listed}))
    if problems:
        say(f"{problems} problem{'s' if problems > 1 else ''}")
    return Status.FAILED if problems else Status.OK


def _shown(checks: Iterable[Check], stdout: Stdout) -> Iterable[Check]:
    """Give out the checks, each written as soon as it is there."""
    from ..display.safe_text import safe

    for check in checks:
        line = safe(check.line)
        word, rest = line[: len(check.level)], line[len(check.level) :]
        shown = click.style(word, fg=_COLOURS[check.level]) if stdout.coloured else word
        stdout.write(f"{shown}{rest}\n".encode())
        yield check
