"""What stands above each attempt in a log: which run it is, when it began, and who takes part."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..display.safe_text import one_line
from ..display.sentences import backend_of
from ..nodes.events import RunResumed, RunStarted

INDENT = " " * 10
"""What stands before text that goes on below its time."""


def clock(seconds: float) -> str:
    """Return the seconds since the run began, as `m:ss.s` or `h:mm:ss`, and two spaces."""
    tenths = round(max(seconds, 0) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{tenths // 10:02}".rjust(8) + "  "
    return f"{minutes}:{tenths / 10:04.1f}".rjust(8) + "  "


def indented(text: str) -> str:
    """Return text whose lines but the first stand below the first; empty lines stay empty."""
    return "\n".join(
        f"{INDENT}{line}" if line and number else line
        for number, line in enumerate(text.split("\n"))
    )


@dataclass(frozen=True, slots=True)
class AttemptHead:
    """The run that a log is of.

    Args:
        run: Which question of the thread it is, from 1.
        begun: When the attempt began, in seconds since 1970.
    """

    run: int
    begun: float = field(default_factory=time.time)

    def lines(self, event: RunStarted | RunResumed) -> Iterator[str]:
        """Give out what is said of an attempt, line by line, without newlines."""
        when = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(self.begun))
        begun, place = "begins", ""
        if isinstance(event, RunResumed):
            begun, place = "goes on", f", in round {event.round}" if event.round else ""
        if event.run_attempt > 1:
            yield ""
        yield (
            f"thread {event.thread_id}, run {self.run}, "
            f"attempt {event.run_attempt} {begun} {when}{place}"
        )
        team = (
            f"agent{number} is {agent['id']} ({backend_of(agent)})"
            for number, agent in enumerate(event.agents, 1)
        )
        yield one_line(f"{event.graph}: {', '.join(team)}", 4000)
