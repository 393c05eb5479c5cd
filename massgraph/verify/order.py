"""S7, S11: events come in order, and each step of the machine where it is due."""

from __future__ import annotations

from collections.abc import Mapping

from ..nodes.events import (
    AnswersAccepted,
    DebateOpened,
    Event,
    PresentingEnded,
    RoundOpened,
    RunFinished,
    Verdict,
    WinnerSelected,
)
from .facts import Facts
from .finding import Found

STEPS = (
    RoundOpened,
    AnswersAccepted,
    DebateOpened,
    Verdict,
    WinnerSelected,
    PresentingEnded,
    RunFinished,
)
"""The events of the machine's nodes, one each."""

DUE: Mapping[str, tuple[str, ...]] = {
    "start": ("round_opened",),
    "round_opened": ("verdict",),
    "new_answer": ("answers_accepted",),
    "unfinished": ("round_opened",),
    "no_consensus": ("debate_opened",),
    "settled": ("winner_selected",),
    "no_answer": ("run_finished",),
    "answers_accepted": ("round_opened", "verdict"),
    "debate_opened": ("round_opened",),
    "winner_selected": ("presenting_ended",),
    "presenting_ended": ("run_finished",),
    "run_finished": (),
    "unknown": (
        "round_opened",
        "answers_accepted",
        "debate_opened",
        "verdict",
        "winner_selected",
        "presenting_ended",
        "run_finished",
    ),
}
"""What a node of the machine may tell next, by what the one before has told."""


def in_order(facts: Facts, event: Event) -> Found:
    """S7: numbers have no gaps, time does not fall, and rounds and epochs rise one at a time."""
    if event.seq != facts.seq + 1:
        yield "S7", f"event {event.seq} comes after event {facts.seq}"
    if event.t < facts.t:
        yield "S7", f"time went back from {facts.t:g} s to {event.t:g} s"
    opens, publishes = type(event) is RoundOpened, type(event) in {AnswersAccepted, DebateOpened}
    if event.round != facts.round + opens:
        yield "S7", f"the round is {event.round}, and was {facts.round}"
    if event.epoch != facts.epoch + publishes:
        what = f"the epoch is {event.epoch}, and was {facts.epoch}"
        yield ("S3", what) if publishes else ("S7", what)


def nothing_comes_after_the_end(facts: Facts, event: Event) -> Found:
    """S6, S11: a run has one end, and nothing of it goes on."""
    if facts.finished is not None:
        what = f"{event.type} comes after the end of the run"
        yield ("S6", what) if isinstance(event, RunFinished) else ("S11", what)


def in_its_place(facts: Facts, event: Event) -> Found:
    """S7: each step of the machine comes where it is due."""
    cut = type(event) is RunFinished and event.result.get("outcome") in ("cancelled", "failed")
    cut = cut or (type(event) is PresentingEnded and event.presented is None)
    free = facts.setting.shape is None or facts.finished is not None
    if free or cut or facts.tells_an_old_end(event):
        return
    due = DUE[facts.place]
    if event.type not in due:
        yield "S7", f"{event.type} comes after {facts.place}, where {' or '.join(due)} is due"
