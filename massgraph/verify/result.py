"""S7: spending never falls, and the result is what the events give."""

from __future__ import annotations

from ..nodes.events import CallEnded, PresentingEnded, RunFinished, TurnEnded
from ..nodes.record import Record
from ..nodes.result import result_of
from .facts import Facts
from .finding import Found


def is_no_refund(_: Facts, event: CallEnded | TurnEnded | PresentingEnded) -> Found:
    """S7: what a call or a turn has used is nothing or more."""
    negative = [
        key for key, used in event.usage.items() if isinstance(used, int | float) and used < 0
    ]
    if negative:
        yield "S7", f"{event.agent} has used less than nothing: {', '.join(negative)}"


def is_the_fold(record: Record, event: RunFinished) -> Found:
    """S7: folding the events gives the result.

    Args:
        record: The fold of the events before the last.
        event: The last one.
    """
    told = event.result
    outcome, seconds = told["outcome"], told["duration_s"]
    if outcome in ("cancelled", "failed"):
        folded = record.ended(outcome, seconds)
        folded["answer"] = told.get("answer")
    else:
        folded = result_of(
            record.state,
            outcome=outcome,
            answer=told.get("answer"),
            seconds=seconds,
            thread_id=event.thread_id,
        )
    for key in [*folded, *(key for key in told if key not in folded)]:
        if folded.get(key) != told.get(key) or key not in told:
            yield "S7", f"the result's {key} is not what the events give"
    if abs(event.t - seconds) > 1.0:
        yield "S7", f"the result took {seconds:g} s, and is told after {event.t:g} s"
