"""A readable table of the votes, round by round, and what the machine made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..display.safe_text import one_line, safe
from ..display.sentences import of_machine
from ..nodes import events as ev
from .attempt_head import INDENT, AttemptHead, clock


class VoteLog:
    """The log of a run's votes: a fold of its events.

    Args:
        head: The run that it is of.
    """

    def __init__(self, head: AttemptHead) -> None:
        self._head = head
        self._widest = 0
        self._votes: dict[str, str] = {}

    def feed(self, event: ev.Event) -> str:
        """Take an event in, and return what it adds: whole lines, or nothing."""
        return "".join(f"{line}\n" for line in self._told(event))

    def _told(self, event: ev.Event) -> Iterator[str]:
        match event:
            case ev.RunStarted() | ev.RunResumed():
                yield from self._begun(event)
            case ev.RoundOpened():
                yield from ("", f"round {event.round}")
            case ev.VoteCast():
                self._votes[event.voter] = event.candidate
                ranking = event.ranking or [event.candidate]
                yield clock(event.t) + self._row(event.voter, " > ".join(ranking), event.reason)
            case ev.VoteDropped():
                why = f"does not count: {event.why}"
                yield clock(event.t) + self._row(event.voter, event.candidate, why)
            case ev.TurnEnded(outcome="new_answer"):
                yield clock(event.t) + self._row(event.agent, "-", "new answer")
            case ev.TurnEnded(outcome="abstained" | "failed" | "interrupted"):
                why = f"{event.outcome}: {one_line(event.why)}"
                yield clock(event.t) + self._row(event.agent, "-", why)
            case ev.RunFinished():
                yield from self._over(event.result)
            case ev.AnswersAccepted() | ev.DebateOpened():
                void = " (votes are void)" if self._votes else ""
                self._votes.clear()
                yield from (f"{clock(event.t)}{line.text}{void}" for line in of_machine(event))
            case ev.Verdict():
                if self._votes:
                    yield f"{INDENT}{_counted(self._votes)}"
                yield from (f"{clock(event.t)}{line.text}" for line in of_machine(event))
            case (
                ev.WinnerSelected()
                | ev.AgentsReleased()
                | ev.BudgetReached()
                | ev.DeadlineReached()
            ):
                yield from (f"{clock(event.t)}{line.text}" for line in of_machine(event))
            case _:
                pass

    def _begun(self, event: ev.RunStarted | ev.RunResumed) -> Iterator[str]:
        yield from self._head.lines(event)
        yield f"question: {one_line(event.question, 1000)}"
        self._widest = max((len(agent["id"]) for agent in event.agents), default=0)
        self._votes.clear()
        if isinstance(event, ev.RunResumed):
            for vote in event.state["votes"].values():
                self._votes[vote["voter"]] = vote["candidate"]
                yield f"stands:   {self._row(vote['voter'], vote['candidate'], vote['reason'])}"

    def _row(self, voter: str, candidate: str, reason: str) -> str:
        """Return a row of the table; the lines of a reason stand below each other."""
        before = f"{voter:<{self._widest}}  {candidate:<{self._widest}}  "
        lines = [line.strip() for line in safe(reason).split("\n") if line.strip()]
        below = f"\n{INDENT}{' ' * len(before)}"
        return (before + below.join(lines)).rstrip()

    def _over(self, result: Mapping[str, Any]) -> Iterator[str]:
        outcome = result["outcome"].replace("_", " ")
        by = f" by {result['settled_by'].replace('_', ' ')}" if result["settled_by"] else ""
        yield from ("", f"{outcome}{by}; winner: {result['winner'] or 'nobody'}")
        for title, votes in (("votes", result["votes"]), ("dissent", result["dissent"])):
            shown = ", ".join(f"{vote['voter']} for {vote['candidate']}" for vote in votes)
            yield f"{title}: {shown or 'none'}"


def _counted(votes: Mapping[str, str]) -> str:
    """Return how many votes each candidate has, the most first."""
    counts = sorted(Counter(votes.values()).items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{candidate} {number}" for candidate, number in counts)
