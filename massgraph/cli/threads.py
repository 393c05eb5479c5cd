"""`massgraph threads`: the threads that are kept, forks of them, and their end."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Sized
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import complete
from .command import Group
from .ending import Status, say
from .output import Stdout, json_line
from .shared import db_option, kept_storage, resume_command, runs_of, verbose_option

if TYPE_CHECKING:
    from pathlib import Path

    from ..steps import Step
    from ..store.base import ThreadRow
    from ..threads import Threads

T = TypeVar("T")

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"(\d{1,6})([smhdw])")


@click.group(
    "threads",
    cls=Group,
    short_help="List, show, fork and remove threads.",
    examples=["massgraph threads ls", "massgraph threads show rivers"],
)
def threads() -> None:
    """List, show, fork and remove the threads that are kept.

    Each run has a thread: what was asked and answered, and all that a run needs to go on.
    """


@threads.command(
    "ls",
    short_help="List the threads.",
    examples=["massgraph threads ls --limit 5", "massgraph threads ls --json"],
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N of them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@db_option
@verbose_option
def ls(limit: int | None, as_json: bool, db: str | None) -> int:
    """List the threads, the one that changed last first: id, state, time, question."""

    async def look(kept: Threads) -> list[tuple[ThreadRow, str]]:
        return [(row, await _state(kept, row)) for row in await kept.ls(limit=limit)]

    rows = _with(db, look)
    with Stdout() as stdout:
        for row, state in rows:
            if as_json:
                stdout.write(json_line({**_told(row), "state": state}))
            else:
                stdout.write(f"{_line(row, state)}\n".encode())
    if not rows:
        say("there are no threads")
    return Status.OK


@threads.command(
    "show",
    short_help="Show one thread: its runs, its steps, its result.",
    examples=["massgraph threads show rivers", "massgraph threads show rivers --json"],
)
@click.argument("thread", shell_complete=complete.threads)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@db_option
@verbose_option
def show(thread: str, as_json: bool, db: str | None) -> int:
    """Show THREAD: what was asked, how it stands, its steps, and the result of its last run."""

    async def look(kept: Threads) -> tuple[ThreadRow, str, list[Step]]:
        row = await kept.get(thread)
        return row, await _state(kept, row), await kept.steps(thread)

    from .recorded import last_folder

    row, state, steps = _with(db, look)
    logs = last_folder(thread, db)
    with Stdout() as stdout:
        if as_json:
            told = {**_told(row), "state": state, "logs": logs and os.fspath(logs)}
            stdout.write(json_line({**told, "steps": list(map(_step_told, steps))}))
        else:
            lines = [*_shown(row, state, db), *([f"logs      {logs}"] if logs else []), "steps"]
            stdout.write(os.fsencode("\n".join([*lines, *map(_step, steps), ""])))
    return Status.OK


@threads.command(
    "fork",
    short_help="Make a new thread that goes on from a step of another.",
    examples=[
        "massgraph threads fork rivers",
        "massgraph threads fork rivers --step 5 --set answers.alice=TEXT --as hills",
    ],
)
@click.argument("thread", shell_complete=complete.threads)
@click.option("--step", type=int, metavar="N", help="The step (see show); the last if left out.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another value of its state, e.g. answers.alice=TEXT or question=TEXT; repeatable.",
)
@click.option("--as", "to", metavar="ID", help="The new thread's id; made up if left out.")
@db_option
@verbose_option
def fork(
    thread: str, step: int | None, sets: tuple[str, ...], to: str | None, db: str | None
) -> int:
    """Make a new thread that goes on from a step of THREAD, and print its id.

    `massgraph resume` lets it go on. Replies of THREAD are not used again in it.
    """
    from ..config import Override
    from ..config.document import Document
    from ..config.problems import ConfigError

    document = Document("--set", {})
    try:
        for text in sets:
            Override.parse(text).apply(document)
    except ConfigError as exc:
        document.problems += exc.problems
    if document.problems:
        raise click.UsageError("; ".join(map(str, document.problems)))
    new = _with(db, lambda kept: kept.fork(thread, step=step, edits=document.value, to=to))
    with Stdout() as stdout:
        stdout.write(f"{new}\n".encode())
    return Status.OK


@threads.command("rm", short_help="Remove threads.", examples=["massgraph threads rm rivers hills"])
@click.argument(
    "names", metavar="THREAD...", nargs=-1, required=True, shell_complete=complete.threads
)
@db_option
@verbose_option
def rm(names: tuple[str, ...], db: str | None) -> int:
    """Remove everything that is kept of each THREAD, the record of its events included."""
    from ..backends.errors import StoreError
    from ..store.paths import thread_folder

    runs = runs_of(db)

    async def remove(kept: Threads) -> None:
        for name in names:
            with suppress(StoreError):  # a damaged one is removed, too
                await kept.get(name)
            thread_folder(name, runs)  # one that is a link is refused before anything is removed
        for name in names:
            await kept.rm(name)
            _forget(name, runs)

    _with(db, remove)
    return Status.OK


@threads.command(
    "prune",
    short_help="Remove old threads.",
    examples=[
        "massgraph threads prune --older-than 30d",
        "massgraph threads prune --older-than 1d --keep 10",
    ],
)
@click.option("--older-than", "age", required=True, metavar="AGE", help="Such as 30d, 12h, 90m.")
@click.option(
    "--keep", type=click.IntRange(min=0), default=0, metavar="N", help="Leave the newest N."
)
@db_option
@verbose_option
def prune(age: str, keep: int, db: str | None) -> int:
    """Remove the threads that nobody has used for AGE, and print their ids."""
    found = _AGE.fullmatch(age)
    if found is None:
        raise click.UsageError(
            f"--older-than {age}: write a number and s, m, h, d or w, as in 30d."
        )
    seconds = int(found[1]) * UNITS[found[2]]
    runs = runs_of(db)
    gone = _with(db, lambda kept: kept.prune(older_than_s=seconds, keep=keep))
    with Stdout() as stdout:
        for name in gone:
            _forget(name, runs)
            stdout.write(f"{name}\n".encode())
    return Status.OK


def _with(db: str | None, work: Callable[[Threads], Awaitable[T]]) -> T:
    """Do something with the threads of a store, and close it."""
    from ..threads import Threads

    async def done() -> T:
        async with Threads(kept_storage(db)) as kept:
            return await work(kept)

    return asyncio.run(done())


def _forget(thread: str, runs: Path) -> None:
    """Remove the record of a thread's events.

    Args:
        thread: The thread.
        runs: The folder of its store's runs.

    Raises:
        StoreError: When it cannot be removed.
    """
    from ..backends.errors import StoreError
    from ..store.paths import thread_folder

    folder = thread_folder(thread, runs)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"The records in {folder} can't be removed: {exc.strerror}.") from exc


async def _state(kept: Threads, row: ThreadRow) -> str:
    """Return how a thread stands: one whose process has died is interrupted."""
    if row.status == "running" and not await kept.is_running(row.thread_id):
        return "interrupted"
    return row.status


def _told(row: ThreadRow) -> dict[str, Any]:
    inner = ("config", "asked", "before")
    return {key: value for key, value in asdict(row).items() if key not in inner}


def _line(row: ThreadRow, state: str) -> str:
    from ..display.safe_text import one_line

    return f"{row.thread_id:32}  {state:11}  {_when(row.updated)}  {one_line(row.question, 60)}"


def _shown(row: ThreadRow, state: str, db: str | None) -> list[str]:
    from ..display.safe_text import one_line, safe

    lines = [
        f"thread    {row.thread_id}",
        f"state     {state}",
        f"begun     {_when(row.created)}",
        f"changed   {_when(row.updated)}",
        f"runs      {row.runs}, the last one in {row.attempts} "
        f"attempt{'s' if row.attempts > 1 else ''}",
        f"question  {one_line(row.question, 200)}",
    ]
    if row.forked_from is not None:
        lines.append(f"fork of   {row.forked_from}")
    if row.result is not None and row.result.get("answer") is not None:
        lines.append(f"answer    {safe(row.result['answer'])}")
    if state not in ("settled", "no_answer", "running"):
        lines.append(f"go on     {resume_command(row.thread_id, db)}")
    return lines


def _step(step: Step) -> str:
    told = _step_told(step)
    place = f"round {told['round']}, epoch {told['epoch']}"
    held = f"{_number(told['answers'], 'answer')}, {_number(told['votes'], 'vote')}"
    when = _when(datetime.fromisoformat(step.at).timestamp())
    ahead = ", ".join(step.next) or "the end"
    return f"  {step.number:4}  {when}  {place:18}  {held:18}  next: {ahead}"


def _step_told(step: Step) -> dict[str, Any]:
    """Return what is told of a step: its place, what it holds, and what came next."""
    state = step.state
    return {
        "step": step.number,
        "at": step.at,
        "round": state.get("round", 0),
        "epoch": state.get("epoch", 0),
        "answers": list(state.get("answers", {})),
        "votes": {voter: vote["candidate"] for voter, vote in state.get("votes", {}).items()},
        "next": list(step.next),
    }


def _number(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _when(seconds: float) -> str:
    """Return a time as the user's clock shows it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
