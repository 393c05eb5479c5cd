"""What kind of step it is: what a set of traces is to have shown."""

from __future__ import annotations

from .protocol import Action, State


def kind_of(before: State, action: Action, after: State) -> str:
    """Return the name of a step's kind, which tells what is worth telling apart."""
    if action.kind == "close":
        return " ".join([after.verdict, *_closing(before, after)])
    if before.stage == "settled":
        return f"{action.kind} {after.presented}"
    stopped = sum(
        old.kind != "interrupted" and new.kind == "interrupted"
        for old, new in zip(before.seats, after.seats, strict=True)
    )
    more = []
    if action.kind == "answer":
        more = ["twin"] if action.arg >= 0 else []
        more += [f"releasing {stopped}"] if stopped else []
    if action.kind in ("answer", "vote", "fail") and before.released:
        more += ["after a release"]
    if action.kind in ("vote", "fail") and any(s.kind == "answer" for s in before.seats):
        more += ["beside an answer"]
    if action.kind == "vote" and action.arg == action.agent:
        more += ["for itself"]
    if action.kind == "vote" and before.failed[action.arg]:
        more += ["for one who failed"]
    if action.kind == "crash":
        more = [f"after {sorted({s.kind for s in before.seats} & {'answer', 'vote'})}"]
    if action.kind in ("cut", "deadline") and any(s.kind == "writing" for s in before.seats):
        more = ["writing"]
    return " ".join([action.kind, *more])


def _closing(before: State, after: State) -> list[str]:
    seats = [seat.kind for seat in before.seats]
    more = []
    if "answer" in seats and "vote" in seats:
        more.append("dropping votes")
    if any(old and not new for old, new in zip(before.answers, after.answers, strict=True)):
        more.append("withdrawing")
    if "abstained" in seats and after.verdict != "no_answer":
        more.append("with abstentions")
    if after.stage == "settled":
        more.append(f"by {after.settled_by}")
        more += ["for one who failed"] if after.failed[after.winner] else []
    if after.stage == "round" and after.limit:
        more.append(f"past {after.limit}")
    idle = any(s.kind == "abstained" for s in after.seats) and after.stage == "round"
    if idle and not after.limit:
        more.append("somebody sits idle")
    return more
