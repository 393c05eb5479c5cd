"""`massgraph validate`: everything that is wrong with a config, at once."""

from __future__ import annotations

import click

from . import complete
from .command import Command
from .ending import Status, say, say_problem
from .output import Stdout
from .verbosity import verbose_option


@click.command(
    "validate",
    cls=Command,
    short_help="Check a config.",
    examples=["massgraph validate team.yaml", "massgraph validate research"],
)
@click.argument("config", metavar="CONFIG", shell_complete=complete.configs)
@verbose_option
def validate(config: str) -> int:
    """Check CONFIG, a YAML or JSON file; nothing is asked, and nothing is run.

    All problems are listed on stderr as PATH:LINE:COLUMN: message, and the exit status is 2. What
    is missing on this machine, such as a key, is a warning.
    """
    from ..config import ConfigError, load_config

    try:
        with Stdout():  # what code of the user's own prints is kept off it
            team = load_config(config)
    except ConfigError as exc:
        for problem in exc.problems:
            say_problem(str(problem))
        for warning in exc.warnings:
            say_problem(f"{warning.place}: warning: {warning.message}")
        return Status.USAGE
    for warning in team.warnings:
        say_problem(f"{warning.place}: warning: {warning.message}")
    number = len(team.agents)
    agents = f"{number} agent{'s' if number > 1 else ''}"
    what = team.graph.name if team.graph.whole is not None else agents
    say(f"{team.source}: ok ({what})")
    return Status.OK
