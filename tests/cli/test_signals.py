"""Signals before there is a run to cancel."""

from __future__ import annotations

import os
import signal
import sys
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
