"""Progress, as a terminal and a file get it."""

from __future__ import annotations

import asyncio
import io
from collections import deque

from massgraph.batch.known import Count
from massgraph.batch.progress import Progress
from massgraph.batch.screen import Bar, Lines, Screen, make_screen, shown
from massgraph.batch.spent import Spent


def at(done: int, total: int = 20) -> Progress:
    return Progress(Count(total, done), Spent(), 1.0)


def test_off_a_terminal_a_line_comes_every_tenth() -> None:
    """And after 30 seconds, if anything has changed."""
    stream, clock = io.StringIO(), [0.0]
    lines = Lines(stream, lambda: clock[0])
    for done in range(21):
        lines.show(at(done))
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        f"{done}/20" for done in range(2, 21, 2)
    ]
    stream.truncate(0)
    lines = Lines(stream, lambda: clock[0])
    lines.show(at(0))
    clock[0] = 31.0
    lines.show(at(1))
    clock[0] = 62.0
    lines.show(at(1))
    assert stream.getvalue().count("\n") == 1


def test_a_bar_is_as_wide_as_the_terminal() -> None:
    """Whatever does not fit is left out, and at the end it is taken away."""
    stream = io.StringIO()
    bar = Bar(stream)
    for width in (120, 30):
        bar._console.width = width
        bar.show(at(10))
        bar.note("a note\x1b[2J")
    bar.close()
    shown_ = stream.getvalue()
    assert "10/20, 10 answered, 1 s left, 10.0/s, 0 tokens, $0.00" in shown_
    assert "10/20, 10 answered\x1b" in shown_ or "10/20, 10 answered\n" in shown_
    assert "a note\u241b[2J" in shown_
    assert shown_.endswith("\x1b[?25h") or shown_.rstrip().endswith("\x1b[2K")


def test_nothing_is_shown_where_nobody_looks() -> None:
    """--quiet, and no stderr at all; a dumb terminal gets lines."""
    assert make_screen(io.StringIO(), quiet=True, moving=True) is None
    assert make_screen(None, quiet=False, moving=True) is None
    assert isinstance(make_screen(io.StringIO(), quiet=False, moving=True), Lines)


class Gone:
    """A stream that takes nothing."""

    def show(self, *_: object) -> None:
        raise BrokenPipeError

    note = close = show


def test_a_stream_that_takes_nothing_harms_nobody() -> None:
    """The work goes on without."""

    async def work(screen: Screen) -> str:
        async with shown(screen, lambda: at(1), deque(["note"])):
            await asyncio.sleep(0)
        return "done"

    assert asyncio.run(work(Gone())) == "done"  # type: ignore[arg-type]
