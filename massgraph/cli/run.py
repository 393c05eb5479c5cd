"""`massgraph run`: one question through a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from . import complete
from .db_option import db_option, storage_of
from .older import AskingCommand, older_keys, older_options
from .output import Stdout
from .output_options import OutputOptions, output_options
from .question import read_question
from .signals import Signals
from .team_options import TeamOptions, check_team, load_team, team_options
from .verbosity import verbose_option


@click.command(
    "run",
    cls=AskingCommand,
    short_help="Ask a team one question.",
    examples=[
        'massgraph run "How many moons does Mars have?"',
        'massgraph run -c research "What is known about the causes of long COVID?"',
        'massgraph run --model openai:gpt-6.1-terra --model claude:claude-sonnet-5-5 "Why?"',
        'massgraph run -c team.yaml --set policy.rule=majority --json "Which is larger?"',
        'cat report.txt | massgraph run -c team.yaml "What is missing here?"',
    ],
)
@click.argument("question", required=False)
@team_options
@output_options
@click.option(
    "--thread",
    metavar="ID",
    shell_complete=complete.threads,
    help="The thread to ask on; a new one if left out.",
)
@db_option
@older_options
@verbose_option
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
    keys = older_keys(given)
    with Stdout() as stdout, Signals() as signals:
        if thread is not None:
            check_thread_id(thread)
        storage = storage_of(db)
        file = shown.file(stdout)
        team = load_team(TeamOptions(keys=keys, **given))
        check_team(team)
        signals.check()
        asked = read_question(question)

        from .asking import Kept, ask

        asking = shown.asking(stdout, file=file, kind=team.display_type)
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
