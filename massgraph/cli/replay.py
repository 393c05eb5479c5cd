"""`massgraph replay`: a run that was recorded, played back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from . import complete
from .command import Command
from .db_option import db_option
from .ending import Status, error
from .output import Stdout
from .output_options import ShownOptions, display_options, json_option, quiet_option
from .signals import Signals
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..record.event_file import Loaded
    from .screen import Asking


def _number(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Return a number from 0 on; the greatest is called `max`."""
    try:
        number = math.inf if value == "max" else float(value)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise click.BadParameter(f"{value!r} is no number from 0 on, and not `max`.")
    return number


@click.command(
    "replay",
    cls=Command,
    short_help="Play back a run that was recorded.",
    examples=[
        "massgraph replay rivers",
        "massgraph replay events.jsonl --speed 4 --max-wait 1",
        "massgraph replay events.jsonl --speed max --events --quiet",
    ],
)
@click.argument("record", metavar="FILE|THREAD", shell_complete=complete.records)
@click.option(
    "--speed",
    callback=_number,
    default="1",
    metavar="X",
    help="2 is twice as fast as the run was; 0 or max: at once.",
)
@click.option(
    "--max-wait",
    "longest_s",
    callback=_number,
    default="max",
    metavar="SECONDS",
    help="Cut longer waits short.",
)
@json_option
@click.option("--events", is_flag=True, help="Print what happened as JSON lines.")
@quiet_option
@display_options
@db_option
@verbose_option
def replay(record: str, speed: float, longest_s: float, db: str | None, **given: Any) -> int:
    """Play back the record FILE of a run, or the last run of THREAD, and print its answer.

    Nobody is asked anything. Exit status: that of the run (0 settled, 3 no answer, 1 anything
    else), and 1 when the record has no end or is damaged; 2 when there is none.
    """
    shown = ShownOptions.take(given)
    with Stdout() as stdout, Signals() as signals:
        from .recorded import load_record

        loaded = load_record(record, db)
        signals.check()
        asking = shown.asking(stdout)
        status = _play(loaded, asking, signals, speed=speed or math.inf, longest_s=longest_s)
        signals.leave(status)
        return int(status)


def _play(
    loaded: Loaded, asking: Asking, signals: Signals, *, speed: float, longest_s: float
) -> Status:
    """Play a record, deliver its result, and return the exit status."""
    import asyncio

    from ..record.pacing import AT_ONCE, paced
    from ..record.playing import Playing
    from .delivery import deliver, status_of
    from .screen import watch

    display = asking.display()
    if display is not None:
        signals.before_quitting = display.close
    elif asking.form != "events":
        speed = AT_ONCE  # nobody would see what is waited for

    async def play() -> bool:
        playing = Playing(paced(loaded.events, speed=speed, longest_s=longest_s))
        signals.cancel_run(playing)
        await watch(playing, asking, display)
        return playing.stopped

    if asyncio.run(play()):
        return _stopped(signals)
    for finding in loaded.findings:
        error(f"{loaded.path}: {finding}")
    if loaded.result is None:
        return Status.FAILED
    deliver(loaded.result, asking, below=display is not None)
    status = status_of(loaded.result, signals)
    if status is Status.FAILED:
        error(f"the run that was recorded was {loaded.result['outcome']}")
    return Status.FAILED if loaded.findings else status


def _stopped(signals: Signals) -> Status:
    """Return the status of what was stopped: by a signal, or because nobody reads it any more."""
    if signals.status is None:
        return Status.FAILED
    error("interrupted" if signals.status is Status.INTERRUPTED else "terminated")
    return signals.status
