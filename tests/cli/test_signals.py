"""Signals before there is a run to cancel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import weakref

import pytest

from massgraph.cli.ending import TerminatedError
from massgraph.cli.signals import Signals

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


class Thing:
    """Something to refer to."""


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError)]
)
def test_a_lost_signal_is_raised_again(number: int, error: type[BaseException]) -> None:
    """Python drops what is raised inside the callback of a weak reference; the signal is kept."""
    thing = Thing()
    with Signals() as signals:
        signals.check()
        held = weakref.ref(thing, lambda _: signal.raise_signal(number))
        del thing
        with pytest.raises(error):
            signals.check()
    assert held() is None


def test_what_else_is_dropped_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the exception of a signal is passed over in silence."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    thing = Thing()
    with Signals():
        held = weakref.ref(thing, lambda _: 1 // 0)
        del thing
    assert (held(), told) == (None, [ZeroDivisionError])


class Run:
    """Something that can be cancelled."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def test_the_first_signal_says_that_it_was_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """At once, and how to leave without waiting; a play-back has nothing to wait for."""

    async def heard(then: str | None) -> tuple[bool, str]:
        run = Run()
        with Signals() as signals:
            signals.cancel_run(run, then=then)
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0)
        return run.cancelled, capsys.readouterr().err

    said = "massgraph: stopping the run ...; Ctrl-C again quits at once\n"
    assert asyncio.run(heard("go on with it: massgraph resume t")) == (True, said)
    assert asyncio.run(heard(None)) == (True, "")


@pytest.mark.parametrize("blocked", [False, True])
def test_the_second_signal_leaves_last_words(
    blocked: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The terminal is put in order, and how to go on is said; one that takes nothing is left."""
    left: list[int] = []
    monkeypatch.setattr("massgraph.cli.signals.LAST_WORDS_S", 0.01 if blocked else 20.0)
    monkeypatch.setattr(os, "_exit", left.append)
    stuck = threading.Event()

    async def quit_at_once() -> None:
        with Signals() as signals:
            signals.cancel_run(Run(), then="go on with it: massgraph resume t")
            signals.before_quitting = stuck.wait if blocked else lambda: None
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    asyncio.run(quit_at_once())
    words = "massgraph: error: interrupted: the run was left at once; go on with it: "
    assert left == [130]
    assert (words in capsys.readouterr().err) is not blocked
    stuck.set()


def test_a_terminal_that_is_closed_cancels_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told twice, by the system and by the shell, and still the run ends in good order."""
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)

    async def hung_up() -> tuple[bool, int | None]:
        run = Run()
        with Signals() as signals:
            signals.cancel_run(run, then="go on with it: massgraph resume t")
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0)
        return run.cancelled, signals.status

    assert asyncio.run(hung_up()) == (True, 143)
    assert left == []


def test_nohup_is_honoured() -> None:
    """Who has a program go on without its terminal is not disobeyed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals() as signals, contextlib.suppress(TerminatedError):
            signal.raise_signal(signal.SIGHUP)
        assert signals.status is None
    finally:
        signal.signal(signal.SIGHUP, before)
