"""`massgraph chat`: questions to a team, one after the other, on one thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from . import complete
from .db_option import db_option, storage_of
from .ending import Status
from .older import AskingCommand, older_keys, older_options
from .output import Stdout
from .output_options import OutputOptions, output_options
from .signals import Signals
from .team_options import TeamOptions, check_team, load_team, team_options
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..config import TeamConfig
    from ..store.base import Storage, ThreadRow


@click.command(
    "chat",
    cls=AskingCommand,
    short_help="Ask a team one question after the other.",
    examples=[
        "massgraph chat",
        "massgraph chat -c research",
        "massgraph chat --thread rivers                  # goes on with a thread",
        "massgraph chat -c team.yaml <questions.txt      # a question a line",
    ],
)
@team_options
@output_options
@click.option(
    "--thread",
    metavar="ID",
    shell_complete=complete.threads,
    help="The thread to go on with; a new one if left out.",
)
@db_option
@older_options
@verbose_option
def chat(thread: str | None, db: str | None, **given: Any) -> int:
    """Ask a team one question after the other, each with those before as context.

    On a terminal, /help lists what can be typed besides questions; Ctrl-C cancels a run, Ctrl-D
    quits. Off a terminal each line of stdin is a question, and stdout holds the answers alone.

    With neither --config nor --model, a thread's own team answers, or the embedded model.

    Exit status: that of the last run, as `massgraph run` has it.
    """
    from ..thread_ids import check_thread_id

    shown = OutputOptions.take(given)
    options = TeamOptions(keys=older_keys(given), **given)
    with Stdout() as stdout, Signals() as signals:
        storage = storage_of(db)
        row = None
        if thread is not None:
            row = asyncio.run(_row(storage, check_thread_id(thread)))
        file = shown.file(stdout)
        team = _team(row, options)
        check_team(team)
        signals.check()

        from .desk import Desk

        desk = Desk(
            team=team,
            storage=storage,
            db=db,
            thread=thread,
            row=row,
            asking=shown.asking(stdout, file=file, kind=team.display_type),
            shown=shown,
            signals=signals,
        )
        status = asyncio.run(desk.chat())
        signals.leave(Status(status))
        return status


def _team(row: ThreadRow | None, options: TeamOptions) -> TeamConfig:
    """Return the team that the options describe, or the thread's own where they name none."""
    from .resume import team_of

    named = (options.config, options.graph, options.backend, options.system_message)
    if row is None or row.config is None or options.models or any(named):
        return load_team(options)
    return team_of(row, options)


async def _row(storage: Storage, thread: str) -> ThreadRow | None:
    try:
        return await (await storage.opened()).row(thread)
    finally:
        await storage.aclose()
