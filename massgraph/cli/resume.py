"""`massgraph resume`: go on with a run that was interrupted, or whose process has died."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..outcomes import OVER
from . import complete
from .command import Command
from .db_option import command_of, db_option, kept_storage
from .output import Stdout
from .output_options import OutputOptions, output_options
from .signals import Signals
from .team_options import TeamOptions, check_team, load_team, team_options
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..config import TeamConfig
    from ..store.base import Storage, ThreadRow


@click.command(
    "resume",
    cls=Command,
    short_help="Go on with a run that was interrupted.",
    examples=["massgraph resume rivers", "massgraph resume rivers -c team.yaml --json"],
)
@click.argument("thread", shell_complete=complete.threads)
@team_options
@output_options
@db_option
@verbose_option
def resume(thread: str, db: str | None, **given: Any) -> int:
    """Go on with the last run of THREAD, and print the answer.

    What was answered is not asked again, and not paid for again. A run that was over prints its
    result once more, and nobody is asked. The team is the one that the thread was begun with; keys
    come from the environment, or from -c. `massgraph threads ls` lists the threads.

    Exit status: 0 settled, 2 a mistake, an unknown thread too, 3 no answer, 130 interrupted,
    143 terminated, 1 anything else.
    """
    shown = OutputOptions.take(given)

    from .asking import Kept, ask
    from .delivery import deliver, status_of

    with Stdout() as stdout, Signals() as signals:
        storage = kept_storage(db)
        row = asyncio.run(_row(storage, thread))
        asking = shown.asking(stdout, file=shown.file(stdout))
        if row.result is not None and row.status in OVER:
            deliver(row.result, asking)
            return int(status_of(row.result, signals))
        team = team_of(row, TeamOptions(**given))
        check_graph(row, team, db)
        check_team(team)
        signals.check()
        asking = replace(asking, kind=shown.kind(team))
        kept = Kept(storage=storage, db=db, thread_id=thread, records=shown.records(team, db))
        status = ask(team, None, asking, signals, kept)
        signals.leave(status)
        return int(status)


async def _row(storage: Storage, thread: str) -> ThreadRow:
    from ..threads import Threads

    async with Threads(storage) as threads:
        return await threads.get(thread)


def team_of(row: ThreadRow, options: TeamOptions) -> TeamConfig:
    """Return the team of a thread: as the options say, or as the thread has it."""
    from ..backends.errors import UserError
    from ..config import Override, load_document
    from ..config.stored import restored_document

    if options.config is not None or options.models or options.backend is not None:
        return load_team(options)
    for option, value in (
        ("--graph", options.graph),
        ("--system-message", options.system_message),
    ):
        if value is not None:
            raise click.UsageError(
                f"{option} does not change a team that is stored: give it with -c or --model."
            )
    if row.config == "":
        raise UserError(
            f"The config of the thread {row.thread_id!r} was lost, with the row of the thread it "
            "was forked from:",
            hint="give one, -c FILE.",
        )
    if row.config is None:
        raise UserError(
            f"The thread {row.thread_id!r} was not made of a config:",
            hint="give one, -c FILE, or go on from Python with team.resume().",
        )
    return load_document(
        restored_document(row.config), [Override.parse(text) for text in options.sets]
    )


def check_graph(row: ThreadRow, team: TeamConfig, db: str | None = None) -> None:
    """Check that a run goes on in its own graph: another one has other steps and other rules.

    Args:
        row: The run's thread.
        team: The team that would go on with it.
        db: The URL of the thread's store, as it was given.

    Raises:
        UserError: When the graph is another one.
    """
    from ..backends.errors import UserError

    if not row.config:
        return
    graph: Any = json.loads(row.config)["config"].get("graph") or "team"
    begun = graph["type"] if isinstance(graph, dict) else graph
    if begun != team.graph.name:
        anew = command_of(f"run --thread {row.thread_id} --graph {team.graph.name}", db)
        raise UserError(
            f"The run was begun in the graph {begun!r}, and can't go on in {team.graph.name!r}.",
            hint=f"A new question may take another graph: {anew}",
        )
