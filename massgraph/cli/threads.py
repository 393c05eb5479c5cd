"""`massgraph threads`: the threads that are kept, forks of them, and their end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import click

from . import complete
from .command import Group
from .db_option import db_option, kept_storage, runs_of
from .ending import Status, error, say
from .kept_thread import KeptThread, step_line, step_told
from .output import Stdout, json_line
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..steps import Step
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
    """List the threads, the one that changed last first: id, state, time, question.

    Before them come those that are damaged; stderr says what is wrong, and what can be done.
    """

    async def look(kept: Threads) -> list[KeptThread]:
        return [await KeptThread.of(kept, row) for row in await kept.ls(limit=limit)]

    found = _with(db, look)
    with Stdout() as stdout:
        for one in found:
            stdout.write(json_line(one.told()) if as_json else f"{one.line()}\n".encode())
    if not found:
        say("there are no threads")
    damages = [one.row.damage for one in found if one.row.damage is not None]
    for damage in damages:
        error(damage)
    return Status.FAILED if damages else Status.OK


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

    async def look(kept: Threads) -> tuple[KeptThread, list[Step]]:
        return await KeptThread.of(kept, await kept.get(thread)), await kept.steps(thread)

    from .recorded import last_folder

    found, steps = _with(db, look)
    logs = last_folder(thread, db)
    with Stdout() as stdout:
        if as_json:
            told = {**found.told(), "logs": logs and os.fspath(logs)}
            stdout.write(json_line({**told, "steps": list(map(step_told, steps))}))
        else:
            lines = [*found.lines(db), *([f"logs      {logs}"] if logs else []), "steps"]
            stdout.write(os.fsencode("\n".join([*lines, *map(step_line, steps), ""])))
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
    from .fork_edits import edits_of, overrides_of

    overrides = overrides_of(sets)

    async def made(kept: Threads) -> str:
        steps = await kept.steps(thread) if overrides else []
        found = [one for one in steps if step is None or one.number == step]
        edits = edits_of(overrides, found[-1].state if found else {})
        return await kept.fork(thread, step=step, edits=edits, to=to)

    new = _with(db, made)
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
    from ..store.complaints import DamagedError
    from ..store.paths import thread_folder
    from .recorded import forget

    runs = runs_of(db)

    async def remove(kept: Threads) -> None:
        for name in names:
            with suppress(DamagedError):  # it is removed, too
                await kept.get(name)
            thread_folder(name, runs)  # one that is a link is refused before anything is removed
        for name in names:
            await kept.rm(name)
            forget(name, runs)

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
    from .recorded import forget

    seconds = int(found[1]) * UNITS[found[2]]
    runs = runs_of(db)
    gone = _with(db, lambda kept: kept.prune(older_than_s=seconds, keep=keep))
    with Stdout() as stdout:
        for name in gone:
            forget(name, runs)
            stdout.write(f"{name}\n".encode())
    return Status.OK


def _with(db: str | None, work: Callable[[Threads], Awaitable[T]]) -> T:
    """Do something with the threads of a store, and close it."""
    from ..threads import Threads

    async def done() -> T:
        async with Threads(kept_storage(db)) as kept:
            return await work(kept)

    return asyncio.run(done())
