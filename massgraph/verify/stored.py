"""What a store holds of a run, beside what its events tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..nodes.events import Event, RunFinished, RunStarted
from ..nodes.record import fold_events
from ..nodes.result import Folded
from .resuming import is_a_step

_KEYS = tuple(Folded.__annotations__)


def check_stored(
    events: Sequence[Event], state: Mapping[str, Any], *, cut: bool = False
) -> list[str]:
    """Return what is wrong with the state that is stored of a run.

    Of a run that is over, it is what the events give; of one that was cut, it is that of a step
    that they tell.

    Args:
        events: The record of the thread's last run.
        state: The machine's state, as the thread's last checkpoint holds it.
        cut: Whether the thread knows of no end: its process may have died when the end was told,
            and the last step not stored yet.
    """
    if all(isinstance(event, RunStarted) or _is_cut(event) for event in events):
        return []  # its first step may not have been stored yet
    missing = [key for key in _KEYS if key not in state]
    if missing:
        return [f"the stored state lacks {', '.join(missing)}"]
    over = isinstance(events[-1], RunFinished) and not _is_cut(events[-1])
    if cut or not over:
        known = is_a_step(events, state)
        return [] if known else ["the stored state is that of no step that the events tell"]
    folded: Mapping[str, Any] = fold_events(events).state
    return [
        f"the stored {key} is not what the events give"
        for key in _KEYS
        if folded[key] != state[key]
    ]


def _is_cut(event: Event) -> bool:
    """Return whether an event is the end of an attempt that may go on."""
    outcome = event.result.get("outcome") if isinstance(event, RunFinished) else None
    return outcome in ("cancelled", "failed")
