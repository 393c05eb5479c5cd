"""The whole story of a run, as the plain display tells it, with the time before each line."""

from __future__ import annotations

import io

from ..display.plain import PlainDisplay
from ..nodes import events as ev
from .attempt_head import AttemptHead, clock


class StoryLog:
    """The log of a run: a fold of its events.

    Args:
        head: The run that it is of.
    """

    def __init__(self, head: AttemptHead) -> None:
        self._head = head
        self._lines = io.StringIO()
        self._display = PlainDisplay(self._lines)

    def feed(self, event: ev.Event) -> str:
        """Take an event in, and return the lines that it completes."""
        before = ""
        if isinstance(event, ev.RunStarted | ev.RunResumed):
            before = "".join(f"{line}\n" for line in self._head.lines(event))
        self._display.show(event)
        told = self._lines.getvalue()
        self._lines.seek(0)
        self._lines.truncate()
        return before + "".join(f"{clock(event.t)}{line}\n" for line in told.split("\n")[:-1])
