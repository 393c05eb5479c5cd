"""`massgraph run`: one question through a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .ending import say
from .output import OutFile, Stdout
from .question import read_question
from .shared import TeamOptions, load_team, team_options
from .signals import Signals

OLDER = {
    "consensus": ("--consensus", "threshold"),
    "max_duration": ("--max-duration", "run_deadline_s"),
    "max_debates": ("--max-debates", "max_debate_rounds"),
}
"""Options of the older generation, and the keys of the policy that they mean."""


class RunCommand(click.Command):
    """A command whose `--models` takes the words that follow, as the older generation's did."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `--models A B` as `--model A --model B`."""
        ctx.meta["swallowing"] = any(word.partition("=")[0] == "--models" for word in args)
        return super().parse_args(ctx, _with_single_models(args))


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


@click.command("run", cls=RunCommand, short_help="Ask a team one question.")
@click.argument("question", required=False)
@team_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@click.option("--events", is_flag=True, help="Print what happens as JSON lines.")
@click.option("-o", "out", metavar="FILE", help="Write the answer to a file, too.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--no-display", is_flag=True, help="Show progress without moving the cursor.")
@click.option("--no-logs", is_flag=True, help="Write no logs.")
@click.option("--consensus", metavar="SHARE", hidden=True)
@click.option("--max-duration", metavar="SECONDS", hidden=True)
@click.option("--max-debates", metavar="NUMBER", hidden=True)
def run(
    question: str | None,
    as_json: bool,
    events: bool,
    out: str | None,
    quiet: bool,
    no_display: bool,
    no_logs: bool,
    **given: Any,
) -> int:
    """Ask a team QUESTION, and print the answer.

    `-` or a pipe gives the question on stdin; with both, stdin is appended as context. With
    neither --config nor --model, the embedded model answers. Stdout holds the answer alone.

    Exit status: 0 settled, 2 a mistake that was found before the first call, 3 no answer,
    130 interrupted, 143 terminated, 1 anything else.
    """
    if as_json and events:
        raise click.UsageError("--json and --events do not go together: give one of them.")
    if question is None and click.get_current_context().meta["swallowing"]:
        _refuse_swallowed(given["models"])
    keys = [
        (option, key, value)
        for name, (option, key) in OLDER.items()
        if (value := given.pop(name)) is not None
    ]
    with Stdout() as stdout, Signals() as signals:
        file = OutFile.check(out) if out is not None else None
        stdout.needed = file is None
        team = load_team(TeamOptions(keys=keys, **given))
        for warning in team.warnings:
            if not warning.missing:
                say(f"{warning.place}: warning: {warning.message}")
        team.check_ready()
        signals.check()
        asked = read_question(question)

        from .asking import Asking, ask

        asking = Asking(
            stdout=stdout,
            form="json" if as_json else "events" if events else "text",
            file=file,
            quiet=quiet,
            moving=not no_display and team.display_type != "simple",
        )
        status = ask(team, asked, asking, signals)
        signals.leave(status)
        return int(status)


def _refuse_swallowed(models: Sequence[str]) -> None:
    """Refuse a question that `--models` took for a model."""
    from ..config.models import is_model

    for word in models:
        if not is_model(word):
            shown = f"{word[:40]}..." if len(word) > 40 else word
            raise click.UsageError(
                f"--models takes all the words that follow, {shown!r} too: "
                "put the question before --models."
            )
