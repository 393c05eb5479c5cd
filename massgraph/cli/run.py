"""`massgraph run`: one question through a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .ending import say
from .output import Stdout
from .output_options import OutputOptions, output_options
from .question import read_question
from .shared import TeamOptions, db_option, load_team, storage_of, team_options
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
@output_options
@click.option("--thread", metavar="ID", help="The thread to ask on; a new one if left out.")
@db_option
@click.option("--consensus", metavar="SHARE", hidden=True)
@click.option("--max-duration", metavar="SECONDS", hidden=True)
@click.option("--max-debates", metavar="NUMBER", hidden=True)
def run(
    question: str | None,
    thread: str | None,
    db: str | None,
    **given: Any,
) -> int:
    """Ask a team QUESTION, and print the answer.

    `-` or a pipe gives the question on stdin; with both, stdin is appended as context. With
    neither --config nor --model, the embedded model answers. Stdout holds the answer alone.

    Exit status: 0 settled, 2 a mistake that was found before the first call, 3 no answer,
    130 interrupted, 143 terminated, 1 anything else.

    A run that was interrupted, or whose process has died, goes on with `massgraph resume`.
    """
    from ..thread_ids import check_thread_id

    shown = OutputOptions.take(given)
    if question is None and click.get_current_context().meta["swallowing"]:
        _refuse_swallowed(given["models"])
    keys = [
        (option, key, value)
        for name, (option, key) in OLDER.items()
        if (value := given.pop(name)) is not None
    ]
    with Stdout() as stdout, Signals() as signals:
        if thread is not None:
            check_thread_id(thread)
        storage = storage_of(db)
        file = shown.file(stdout)
        team = load_team(TeamOptions(keys=keys, **given))
        for warning in team.warnings:
            if not warning.missing:
                say(f"{warning.place}: warning: {warning.message}")
        team.check_ready()
        signals.check()
        asked = read_question(question)

        from .asking import Asking, Kept, ask

        asking = Asking(
            stdout=stdout,
            form=shown.form,
            file=file,
            quiet=shown.quiet,
            moving=shown.moving and team.display_type != "simple",
        )
        kept = Kept(storage=storage, db=db, thread_id=thread, records=shown.records(team, db))
        status = ask(team, asked, asking, signals, kept)
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
