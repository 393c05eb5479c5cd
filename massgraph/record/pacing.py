"""When the events of a record come, if it is played back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ..nodes.events import Event

AT_ONCE = math.inf
"""The speed at which nothing is waited for."""


def paced(
    events: Iterable[Event], *, speed: float = 1.0, longest_s: float = math.inf
) -> Iterator[tuple[Event, float]]:
    """Give out each event with the seconds to wait before it.

    Nothing is waited for between two attempts: nobody knows how long that was.

    Args:
        events: The events, of one attempt or of several.
        speed: 2 is twice as fast as the run was.
        longest_s: Seconds that one wait may take at most.
    """
    attempt, now = 0, 0.0
    for event in events:
        if event.run_attempt != attempt:
            attempt, now = event.run_attempt, event.t
        wait_s = max(event.t - now, 0.0)
        now = max(event.t, now)
        yield event, min(wait_s / speed, longest_s)
