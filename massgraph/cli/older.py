"""Options of the older generation, where a command asks a team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .command import Command, several

_OLDER = {
    "consensus": ("--consensus", "threshold", "SHARE"),
    "max_duration": ("--max-duration", "run_deadline_s", "SECONDS"),
    "max_debates": ("--max-debates", "max_debate_rounds", "NUMBER"),
}
"""The options, the keys of the policy that they mean, and what they take."""


older_options = several(
    *(click.option(option, metavar=metavar, hidden=True) for option, _, metavar in _OLDER.values())
)
"""Adds the older options; the help does not show them."""


def older_keys(given: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Take the older options out of all that were given: (option, key of the policy, value)."""
    return [
        (option, key, value)
        for name, (option, key, _) in _OLDER.items()
        if (value := given.pop(name)) is not None
    ]


class AskingCommand(Command):
    """A command whose `--models` takes the words that follow, as the older generation's did."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `--models A B` as `--model A --model B`."""
        ctx.meta["swallowing"] = any(word.partition("=")[0] == "--models" for word in args)
        try:
            return super().parse_args(ctx, _with_single_models(args))
        except click.UsageError as exc:
            if "extra argument" in exc.message and "question" in ctx.params:
                said = f"{exc.message}. Put the question into quotes."
                raise click.UsageError(said, exc.ctx) from exc
            raise


def _with_single_models(args: Sequence[str]) -> list[str]:
    read: list[str] = []
    taking = False
    for number, word in enumerate(args):
        if word == "--":
            return [*read, *args[number:]]
        if word == "--models" or word.startswith("--models="):
            taking = True
            first = word.partition("=")[2]
            read += ["--model", first] if first else []
        elif word.startswith("-") or not taking:
            taking = False
            read.append(word)
        else:
            read += ["--model", word]
    return read
