"""Run a team in the foreground: signals, events, the display, and the result at the end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..display.safe_text import safe
from ..display.writers import REFRESH_S, Display, make_display
from ..graphs.running import BrokenRunError
from ..nodes.events import Event, event_to_dict
from ..run import Run
from .ending import Status, error
from .output import OutFile, Stdout, answer_bytes, json_line
from .signals import Signals

if TYPE_CHECKING:
    from ..config import TeamConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a run is shown, and where its result goes.

    Args:
        stdout: Takes the result.
        form: What it is printed as.
        file: Takes the answer, too.
        quiet: Whether progress is not shown.
        moving: Whether the display may move the cursor.
    """

    stdout: Stdout
    form: Literal["text", "json", "events"] = "text"
    file: OutFile | None = None
    quiet: bool = False
    moving: bool = True


def ask(team: TeamConfig, question: str, asking: Asking, signals: Signals) -> Status:
    """Ask a team a question, and return the exit status.

    Args:
        team: The team.
        question: The question.
        asking: What is shown, and where the result goes.
        signals: Cancel the run when they come.

    Raises:
        UserError: When something is missing after all; nothing was sent.
    """
    display = make_display(
        sys.stderr,
        quiet=asking.quiet,
        moving=asking.moving,
        stdout_is_terminal=asking.form == "text" and asking.stdout.is_terminal,
    )
    if display is not None:
        signals.before_quitting = display.close
    result = asyncio.run(_run(team, question, asking, display, signals))
    _deliver(result, asking)
    return _status(result, signals)


async def _run(
    config: TeamConfig, question: str, asking: Asking, display: Display | None, signals: Signals
) -> dict[str, Any]:
    async with config.team() as team:
        run = team.start(question)
        signals.cancel_run(run)
        async with run:
            await _watch(run, asking, display)
            try:
                return (await run.result()).to_dict()
            except BrokenRunError as exc:
                error(str(exc))
                return dict(exc.result)


async def _watch(run: Run, asking: Asking, display: Display | None) -> None:
    """Show the run until it ends.

    What is written is written in a thread of its own: a reader that does not read stalls nobody.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="display") as thread:
        screen = _Screen(asking, display)
        ticking = asyncio.create_task(_tick(run, screen, thread))
        try:
            async for event in run:
                await _in(thread, screen.show, event)
        finally:
            ticking.cancel()
            await _in(thread, screen.close)


class _Screen:
    """What a run is written to while it runs; a reader that left is written to no more."""

    def __init__(self, asking: Asking, display: Display | None) -> None:
        self._asking = asking
        self._display = display

    @property
    def useless(self) -> bool:
        """Whether all that the run is for was its events, and nobody reads them any more."""
        return (
            self._asking.form == "events"
            and self._asking.stdout.closed
            and self._asking.file is None
        )

    def show(self, event: Event) -> None:
        if self._asking.form == "events":
            self._asking.stdout.write(json_line(event_to_dict(event)))
        self._try(lambda display: display.show(event))

    def refresh(self) -> None:
        if self._asking.form == "events":
            self._asking.stdout.look()
        self._try(lambda display: display.refresh())

    def close(self) -> None:
        self._try(lambda display: display.close())

    def _try(self, act: Callable[[Display], None]) -> None:
        if self._display is not None:
            try:
                act(self._display)
            except (OSError, ValueError):
                self._display = None


async def _tick(run: Run, screen: _Screen, thread: ThreadPoolExecutor) -> None:
    """Refresh the screen, and cancel a run that nobody looks at any more."""
    while not screen.useless:
        await asyncio.sleep(REFRESH_S)
        await _in(thread, screen.refresh)
    run.cancel()


async def _in(thread: ThreadPoolExecutor, call: Callable[..., None], *arguments: Any) -> None:
    await asyncio.get_running_loop().run_in_executor(thread, call, *arguments)


def _deliver(result: dict[str, Any], asking: Asking) -> None:
    """Print the result, and write the file."""
    answer = result["answer"]
    try:
        if asking.form == "json":
            asking.stdout.write(json_line(result))
        elif asking.form == "text" and answer is not None:
            # On a terminal the answer must do no more than be read; a program gets its very bytes.
            shown = safe(answer) if asking.stdout.is_terminal else answer
            asking.stdout.write(answer_bytes(shown) + b"\n")
    finally:
        if asking.file is not None and answer is not None:
            asking.file.write(answer_bytes(answer))


def _status(result: dict[str, Any], signals: Signals) -> Status:
    match result["outcome"]:
        case "settled":
            return Status.OK
        case "no_answer":
            why = _failures(result["failures"])
            error(f"no agent has produced an answer{': ' + why if why else ''}")
            return Status.NO_ANSWER
        case "cancelled" if signals.status is not None:
            word = "interrupted" if signals.status is Status.INTERRUPTED else "terminated"
            error(f"{word}: the run was cancelled; it is not stored, so ask again to start afresh")
            return signals.status
        case _:
            return Status.FAILED


def _failures(failures: dict[str, dict[str, Any]]) -> str:
    """Return why agents failed, those with the same reason together."""
    agents: dict[str, list[str]] = {}
    for agent, failure in failures.items():
        agents.setdefault(f"{failure['kind']}: {failure['message']}", []).append(agent)
    return "; ".join(f"{', '.join(who)}: {why}" for why, who in agents.items())
