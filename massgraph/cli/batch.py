"""`massgraph batch`: many questions through one team, and on from where it was cut."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections import deque
from contextlib import ExitStack, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..backends.errors import MassgraphError, UserError
from ..display.manners import is_terminal
from . import complete
from .batch_end import Ending
from .batch_options import BatchOptions, batch_options
from .command import Command
from .db_option import db_option, runs_of, storage_of
from .ending import Status, error, say, told
from .output import OutFile, Stdout
from .signals import Signals
from .team_options import TeamOptions, check_team, load_team, team_options
from .verbosity import lines_through, verbose_option

if TYPE_CHECKING:
    from ..batch.batch import Batch, Settings
    from ..batch.questions import Questions
    from ..batch.result_file import ResultFile
    from ..batch.result_stream import ResultStream
    from ..batch.screen import Screen
    from ..config import TeamConfig

MOST_NOTES = 10_000
"""Lines of the log that wait for a terminal that takes nothing; of more, the oldest are dropped."""


@click.command(
    "batch",
    cls=Command,
    short_help="Ask a team many questions.",
    examples=[
        "massgraph batch questions.jsonl -o results.jsonl -c team.yaml",
        "massgraph batch questions.jsonl -o results.jsonl -c team.yaml --jobs 16 --max-cost 20",
        "massgraph batch questions.jsonl -o results.jsonl -c team.yaml --retry-failed",
    ],
)
@click.argument("questions", metavar="QUESTIONS", shell_complete=complete.files)
@team_options
@batch_options
@db_option
@verbose_option
def batch(questions: str, db: str | None, **given: Any) -> int:
    """Ask a team all QUESTIONS, a file of JSON lines, and write a file of results.

    A line is an object with a "question", and with "id" and "context" if you like, or a string;
    `-` reads stdin. Each result is one line of the file: an object with "id", "line", and "result"
    or "error". The same command goes on where it was stopped or killed.

    Exit status: 0 every question has an answer, 3 one has none, 2 a mistake that was found before
    the first call, 130 interrupted, 143 terminated, 1 anything else.
    """
    options = BatchOptions.take(given)
    with Stdout() as stdout, Signals() as signals, ExitStack() as opened:
        storage_of(db)
        team = load_team(TeamOptions(**given))
        check_team(team)
        signals.check()
        asked = opened.enter_context(_questions(questions))
        results = opened.enter_context(closing(_results(options.out, questions, stdout)))
        status = _worked_off(team, asked, results, options, signals, db)
        signals.leave(status)
        return int(status)


def _questions(name: str) -> closing[Questions]:
    from ..batch.questions import Questions

    if name == "-" and is_terminal(sys.stdin):
        say("massgraph: type the questions, one a line, and end them with Ctrl-D")
    return closing(Questions.opened(name))


def _results(name: str, questions: str, stdout: Stdout) -> ResultFile | ResultStream:
    """Return where results go.

    Raises:
        UserError: When nothing can be written there.
    """
    from ..batch.result_file import ResultFile
    from ..batch.result_stream import ResultStream

    if name == "-":
        return ResultStream(partial(_write, stdout))
    file = OutFile.check(name)
    if file.in_place:
        return ResultStream.of_device(file.path if file.descriptor is None else file.descriptor)
    if file.path == Path(questions).resolve():
        raise UserError(f"-o {name}: these are the questions.", hint="Name another file.")
    return ResultFile.open(name)


def _write(stdout: Stdout, data: bytes) -> None:
    stdout.write(data)
    if stdout.closed:
        raise MassgraphError("nobody reads the results any more: nothing more is asked.")


def _worked_off(
    team: TeamConfig,
    asked: Questions,
    results: ResultFile | ResultStream,
    options: BatchOptions,
    signals: Signals,
    db: str | None,
) -> Status:
    """Work the batch off, tell how it has ended, and return the exit status."""
    from ..batch.batch import Batch, purse_of
    from ..batch.known import Known
    from ..batch.result_file import ResultFile
    from ..batch.screen import make_screen

    purse, file = purse_of(team, options.budget), None
    if isinstance(results, ResultFile):
        known, file = Known.of(results, asked.asked, purse, anew=options.anew), results.path
        if known.repaired:
            say(f"{file}: its last line was cut in half, and is taken out")
    else:
        known = Known.none(asked.asked)
        say("the results go to no file: a batch that is stopped begins anew")
    if file is None and db is None and not options.keep:
        db = "memory:"
    settings = _settings(team, file, options, db)
    work = Batch(team, asked, results, purse, known, settings, storage_of(db))
    screen = make_screen(sys.stderr, quiet=options.quiet, moving=not options.no_display)
    if screen is not None:
        signals.before_quitting = screen.close
    ending = Ending(work, None if file is None else str(file), options.quiet)
    try:
        asyncio.run(_run(work, screen, signals))
    except MassgraphError as exc:
        status = told(exc)
        ending.summary()
        error(f"stopped; {ending.how_to_go_on}")
        return Status(status)
    return ending.status(signals)


async def _run(work: Batch, screen: Screen | None, signals: Signals) -> None:
    notes = deque[str](maxlen=MOST_NOTES)
    signals.cancel_run(work)
    with nullcontext() if screen is None else lines_through(notes.append):
        await work.run(screen, notes)


def _settings(
    team: TeamConfig, file: Path | None, options: BatchOptions, db: str | None
) -> Settings:
    from ..batch.batch import Settings
    from ..batch.desk import batch_name

    runs = None if db == "memory:" or options.no_logs else runs_of(db)
    recorded = options.keep and team.logging_enabled
    return Settings(
        batch=batch_name(secrets.token_hex(8) if file is None else str(file)),
        jobs=options.jobs,
        budget=options.budget,
        anew=options.anew,
        keep=options.keep,
        records=runs if recorded else None,
        runs=runs,
    )
