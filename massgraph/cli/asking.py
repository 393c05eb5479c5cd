"""Run a team in the foreground: signals, events, the display, and the result at the end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.errors import MassgraphError
from ..display.writers import Display
from ..graphs.running import BrokenRunError
from ..outcomes import OVER
from ..store.complaints import DamagedError
from .db_option import resume_command
from .delivery import deliver, how_to_go_on, status_of
from .ending import Status, error, say
from .screen import Asking as Asking
from .screen import watch
from .signals import Signals

if TYPE_CHECKING:
    from ..config import TeamConfig
    from ..nodes.result import ResultDict
    from ..store.base import Storage, ThreadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where a run is kept.

    Args:
        storage: Where threads are kept.
        db: The URL that names it; None for the user's own.
        thread_id: The run's thread; None for a new one.
        records: Where the events of runs are recorded; None for nowhere.
    """

    storage: Storage
    db: str | None = None
    thread_id: str | None = None
    records: Path | None = None


def ask(
    team: TeamConfig, question: str | None, asking: Asking, signals: Signals, kept: Kept
) -> Status:
    """Ask a team a question, and return the exit status.

    Args:
        team: The team.
        question: The question; None goes on with the thread's last run.
        asking: What is shown, and where the result goes.
        signals: Cancel the run when they come.
        kept: Where the run is kept.

    Raises:
        UserError: When something is missing after all; nothing was sent.
    """
    display = asking.display()
    if display is not None:
        signals.before_quitting = display.close
    result = asyncio.run(_run(team, question, asking, display, signals, kept))
    deliver(result, asking, below=display is not None)
    return status_of(result, signals, again=resume_command(result["thread_id"], kept.db))


async def _run(
    config: TeamConfig,
    question: str | None,
    asking: Asking,
    display: Display | None,
    signals: Signals,
    kept: Kept,
) -> dict[str, Any]:
    team = config.team(db=kept.storage, records=kept.records)
    async with contextlib.aclosing(kept.storage), team:
        if question is not None and display is not None:
            await _tell_left(kept)
        run = team.start(question, thread_id=kept.thread_id)
        again = resume_command(run.thread_id, kept.db)
        signals.cancel_run(run, then=how_to_go_on(again))
        async with run:
            await watch(run, asking, display)
            try:
                return (await run.result()).to_dict()
            except BrokenRunError as exc:
                error(str(exc))
                lasts = again is not None and not isinstance(exc.__cause__, DamagedError)
                there = question is None or _begun(exc.result)
                if lasts and (there or await _row(kept, run.thread_id) is not None):
                    say(f"massgraph: what was stored of it is kept; {how_to_go_on(again)}")
                return dict(exc.result)


def _begun(result: ResultDict) -> bool:
    """Return whether a run got as far as its agents: its thread was noted before."""
    return result["usage"].keys() > {"total"}


async def _row(kept: Kept, thread_id: str) -> ThreadRow | None:
    """Return what is known of a thread; the run itself tells what is wrong with the store."""
    with contextlib.suppress(MassgraphError):
        return await (await kept.storage.opened()).row(thread_id)
    return None


async def _tell_left(kept: Kept) -> None:
    """Say that a run on the same thread was not over, and that a new question leaves it so."""
    if kept.thread_id is None:
        return
    row = await _row(kept, kept.thread_id)
    if row is None or row.status in OVER:
        return
    with contextlib.suppress(MassgraphError):
        if not await (await kept.storage.opened()).is_held(kept.thread_id):
            say("the last run on this thread was not over; it is left, and a new one begins")
