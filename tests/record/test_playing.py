"""Playing a record back takes as long as the run took, or as one likes."""

from __future__ import annotations

import asyncio
import math

import pytest

from massgraph.nodes.events import Event
from massgraph.record.pacing import AT_ONCE, paced
from massgraph.record.playing import Playing
from tests.vloop import run_virtual

from .stories import begun, finished, numbered, resumed, story, text

TWO_ATTEMPTS = [
    *numbered(begun(), text("Hm.")),
    *numbered(resumed(), finished(), attempt=2, begin_s=60),
]


@pytest.mark.parametrize(
    ("speed", "longest_s", "waits"),
    [
        (1, math.inf, [0, 0.5, 0.5, 0.5, 0.5, 0.5]),
        (0.5, math.inf, [0, 1, 1, 1, 1, 1]),
        (0.5, 0.75, [0, 0.75, 0.75, 0.75, 0.75, 0.75]),
        (AT_ONCE, math.inf, [0] * 6),
        (1, 0, [0] * 6),
    ],
)
def test_events_are_waited_for(speed: float, longest_s: float, waits: list[float]) -> None:
    """As long as the run waited, faster, slower, or not longer than that."""
    given = list(paced(story(), speed=speed, longest_s=longest_s))
    assert [event for event, _ in given] == story()
    assert [wait_s for _, wait_s in given] == waits


def test_time_between_attempts_is_not_waited_for() -> None:
    """Nobody knows how long it was; and a clock that went back costs nothing."""
    assert [wait_s for _, wait_s in paced(TWO_ATTEMPTS)] == [0, 0.5, 0, 0.5]
    backwards = [story()[3], story()[1], story()[4]]
    assert [wait_s for _, wait_s in paced(backwards)] == [0, 0, 0.5]


def test_a_record_plays_as_long_as_the_run_took() -> None:
    """A reader who is slow is caught up with."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        async for event in Playing(paced(story())):
            times.append(loop.time())
            if event.seq == 2:
                await asyncio.sleep(0.7)
        return times

    assert run_virtual(main()) == pytest.approx([0, 0.5, 1.2, 1.5, 2, 2.5], abs=1e-6)


@pytest.mark.parametrize(("at_s", "played"), [(0.7, 2), (0.0, 0), (9.0, 6)])
def test_playing_stops_at_once(at_s: float, played: int) -> None:
    """In the middle of a wait, too."""

    async def main() -> tuple[list[Event], float, bool]:
        playing = Playing(paced(story()))
        loop = asyncio.get_running_loop()
        if at_s:
            loop.call_later(at_s, playing.cancel)
        else:
            playing.cancel()
        events = [event async for event in playing]
        return events, loop.time(), playing.stopped

    events, ended_s, stopped = run_virtual(main())
    assert events == story()[:played]
    assert ended_s == pytest.approx(min(at_s, 2.5), abs=1e-6)
    assert stopped is (at_s < 9)


def test_playing_is_paused_and_made_faster() -> None:
    """While it stands still nothing comes; then it goes on where it was, at any speed."""

    async def main() -> list[float]:
        playing = Playing(paced(story()))
        loop = asyncio.get_running_loop()
        loop.call_later(0.7, playing.pause)
        loop.call_later(10.7, playing.pause)
        loop.call_later(10.8, playing.faster)
        loop.call_later(11.3, lambda: playing.faster(0.5))
        return [loop.time() async for _ in playing]

    times = [0, 0.5, 10.9, 11.15, 11.5, 12.0]
    assert run_virtual(main()) == pytest.approx(times, abs=1e-3)
