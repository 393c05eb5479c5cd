"""Handfuls of events, keys that steer, and what is printed meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from massgraph.cli.inbox import MOST, PACE_S, Inbox
from massgraph.cli.steering import _aside, _do
from massgraph.display.live.place import Deed
from massgraph.nodes import events as ev
from massgraph.record.playing import Playing

from ..vloop import run_virtual


def said(number: int) -> ev.Event:
    """Return an event."""
    return ev.AgentText(agent="alice", delta=str(number))


async def speaking(number: int, every_s: float, failing: bool = False) -> AsyncIterator[ev.Event]:
    """Give out events."""
    for n in range(number):
        yield said(n)
        await asyncio.sleep(every_s)
    if failing:
        raise ValueError("it broke")


def handfuls(run: AsyncIterator[ev.Event]) -> list[tuple[float, int]]:
    """Return when each handful came, and how many events it had."""

    async def main() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        return [(loop.time(), len(events)) async for events in Inbox(run)]

    return run_virtual(main())


def test_what_is_rare_comes_at_once() -> None:
    """Nobody waits for a handful to be full."""
    came = handfuls(speaking(3, 1.0))
    assert [number for _, number in came] == [1, 1, 1]
    assert [at for at, _ in came] == pytest.approx([0, 1, 2], abs=1e-3)


def test_what_is_frequent_comes_together() -> None:
    """Not one by one, and all of it."""
    came = handfuls(speaking(1_000, 0.0002))
    assert sum(number for _, number in came) == 1_000
    assert len(came) <= 0.2 / PACE_S + 3


def test_what_is_too_much_waits() -> None:
    """The run's own mailbox keeps it."""
    came = handfuls(speaking(3 * MOST, 0.0))
    assert max(number for _, number in came) <= MOST
    assert sum(number for _, number in came) == 3 * MOST


def test_a_failure_comes_after_what_was_said() -> None:
    """And is no other one."""
    seen: list[ev.Event] = []

    async def main() -> None:
        async for events in Inbox(speaking(3, 0.0, failing=True)):
            seen.extend(events)

    with pytest.raises(ValueError, match="it broke"):
        run_virtual(main())
    assert len(seen) == 3


class Run:
    """A run that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def cancel_agent(self, agent: str) -> None:
        """Note it."""
        self.asked.append(("cancel", agent))

    def retry_agent(self, agent: str) -> None:
        """Note it."""
        self.asked.append(("retry", agent))


def test_deeds_reach_the_run() -> None:
    """One agent is cancelled and another asked afresh; a run can't be paused, and that is said."""
    run = Run()
    assert _do(Deed("cancel_agent", "bob"), run) == "bob is cancelled"
    assert _do(Deed("retry_agent", "alice"), run) == "alice is asked afresh"
    assert run.asked == [("cancel", "bob"), ("retry", "alice")]
    assert "only a record" in _do(Deed("pause"), run)


def test_deeds_reach_a_record() -> None:
    """It is paused and played faster; nobody of it can be cancelled."""

    async def main() -> list[Any]:
        playing = Playing([])
        told = [_do(Deed(kind), playing) for kind in ("pause", "faster", "faster", "slower")]  # type: ignore[arg-type]
        return [*told, playing.paused, _do(Deed("cancel_agent", "bob"), playing)]

    assert run_virtual(main()) == [
        "", "speed 2", "speed 4", "speed 2", True,
        "this is a record: nobody is at work whom that could reach",
    ]  # fmt: skip


def test_what_is_printed_becomes_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, to whichever stream; afterwards the streams are what they were."""
    notes: list[str] = []
    stderr = sys.stderr
    monkeypatch.setattr(sys, "stdout", stderr)
    with _aside(notes.append):
        print("one\n\ntw", end="")
        print("o", file=sys.stderr)
        print("three", end="", file=sys.stderr)
        assert notes == ["one", "two"]
    assert notes == ["one", "two", "three"]
    assert (sys.stdout, sys.stderr) == (stderr, stderr)


def test_what_has_no_end_becomes_notes_too() -> None:
    """A bar of progress, which is one line for ever, is not kept whole."""
    notes: list[str] = []
    with _aside(notes.append):
        for _ in range(3_000):
            print("12345\r", end="", file=sys.stderr)
        assert len(notes) == 1
        assert len(notes[0]) < 11_000
