"""The record of a run: the fold of its events, and the result that it gives."""

from __future__ import annotations

import copy
import io
from collections import defaultdict
from collections.abc import Iterable
from typing import assert_never

from .events import (
    ActionRefused,
    AgentReasoning,
    AgentRetried,
    AgentsReleased,
    AgentStatus,
    AgentText,
    AnswersAccepted,
    AnswerText,
    BudgetReached,
    CallEnded,
    CallRetried,
    DeadlineReached,
    DebateOpened,
    Event,
    FinalText,
    PresentingEnded,
    PresentingStarted,
    RoundOpened,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Verdict,
    VoteCast,
    VoteDropped,
    WinnerSelected,
)
from .result import BareVote as BareVote
from .result import Folded as Folded
from .result import ResultDict as ResultDict
from .result import result_of as result_of
from .rules import cast_vote
from .state import (
    Failure,
    Outcome,
    Output,
    RunOutcome,
    Usage,
    add_usage,
    no_output,
    no_usage,
)


class Record:
    """The fold of a run's events.

    Args:
        thread_id: The run's thread.
    """

    def __init__(self, thread_id: str = "") -> None:
        self.state = Folded(
            labels={},
            round=0,
            epoch=0,
            rounds=0,
            answers={},
            votes={},
            ballots=[],
            failures={},
            usage={},
            winner=None,
            settled_by=None,
            dissent=[],
            presented=None,
            output=None,
        )
        self.thread_id = thread_id
        self.seconds = 0.0
        self.result: ResultDict | None = None
        self._called_in = 0
        self._writing: dict[str, dict[int, io.StringIO]] = {}
        self._drafts: dict[str, str] = {}

    def add(self, event: Event) -> None:  # noqa: C901, PLR0912 - one branch for each kind of event
        """Take the next event in."""
        state = self.state
        state["round"], state["epoch"] = event.round, event.epoch
        self.seconds = event.t
        self.thread_id = event.thread_id or self.thread_id
        match event:
            case RunStarted():
                ids = [agent["id"] for agent in event.agents]
                state["labels"] = {f"agent{number}": a for number, a in enumerate(ids, 1)}
                state["output"] = no_output(event.policy.get("output_type"))
            case RunResumed():
                self._resumed(event)
            case TurnStarted():
                self._writing.pop(event.agent, None)
            case AnswerText():
                tries = self._writing.setdefault(event.agent, defaultdict(io.StringIO))
                tries[event.attempt].write(event.delta)
            case AgentRetried():
                self._writing.pop(event.agent, None)
                state["failures"].pop(event.agent, None)
            case TurnEnded():
                self._turn_ended(event)
            case AnswersAccepted():
                self._accepted(event)
            case VoteCast():
                state["votes"][event.voter] = cast_vote(
                    voter=event.voter,
                    candidate=event.candidate,
                    reason=event.reason,
                    epoch=event.epoch,
                    ranking=event.ranking,
                )
            case DebateOpened():
                state["ballots"], state["votes"] = event.ballots, {}
            case WinnerSelected():
                state["winner"] = event.winner
                state["settled_by"] = event.settled_by
                state["dissent"] = event.dissent
            case PresentingEnded():
                self._presented(event)
            case RunFinished():
                self.result = event.result  # type: ignore[assignment]
            case (
                RoundOpened()
                | AgentText()
                | AgentReasoning()
                | AgentStatus()
                | CallRetried()
                | CallEnded()
                | ToolStarted()
                | ToolFinished()
                | ActionRefused()
                | VoteDropped()
                | AgentsReleased()
                | Verdict()
                | PresentingStarted()
                | FinalText()
                | BudgetReached()
                | DeadlineReached()
            ):
                pass
            case _:
                assert_never(event)

    def _resumed(self, event: RunResumed) -> None:
        """Begin anew with what the machine has stored."""
        self.state = copy.deepcopy(event.state)
        self.result, self._called_in = None, 0
        self._writing.clear()
        self._drafts.clear()
        for outcome in event.outcomes:
            self._over(outcome)

    def _turn_ended(self, event: TurnEnded) -> None:
        written = self._writing.pop(event.agent, {}).get(event.attempt) or io.StringIO()
        outcome = Outcome(
            agent=event.agent,
            round=event.round,
            epoch=event.epoch,
            outcome=event.outcome,
            text=written.getvalue() if event.outcome == "new_answer" else event.why,
            candidate=None,
            kind=event.kind,
            usage=event.usage,
        )
        self._over(outcome)

    def _over(self, outcome: Outcome) -> None:
        """Take in how a turn has ended."""
        agent = outcome["agent"]
        self._spend(agent, outcome["usage"])
        if outcome["usage"]["calls"] and outcome["round"] != self._called_in:
            self._called_in = outcome["round"]
            self.state["rounds"] += 1
        if outcome["outcome"] == "new_answer":
            self._drafts[agent] = outcome["text"]
        if outcome["outcome"] == "failed":
            self.state["failures"][agent] = Failure(
                kind=outcome["kind"] or "internal", message=outcome["text"], round=outcome["round"]
            )

    def _accepted(self, event: AnswersAccepted) -> None:
        state = self.state
        known = {a: v for a, v in state["answers"].items() if a not in event.withdrawn}
        known |= {answer["agent"]: answer for answer in event.answers}
        state["answers"] = {a: known[a] for a in state["labels"].values() if a in known}
        state["votes"], state["ballots"] = {}, []
        self._drafts.clear()

    def _presented(self, event: PresentingEnded) -> None:
        self._spend(event.agent, event.usage)
        self.state["presented"] = event.presented
        if self.state["output"] is not None:
            self.state["output"] = Output(value=event.output)
        if event.failure is not None:
            self.state["failures"][event.agent] = event.failure

    def _spend(self, agent: str, usage: Usage) -> None:
        known = self.state["usage"].get(agent, no_usage())
        self.state["usage"][agent] = add_usage(known, usage)

    def ended(self, outcome: RunOutcome, seconds: float) -> ResultDict:
        """Return the result of a run that ended from outside, as far as it had come.

        Answers that were given in its last round, and not published any more, are among them.
        """
        result = result_of(
            self.state, outcome=outcome, answer=None, seconds=seconds, thread_id=self.thread_id
        )
        known = result["answers"] | self._drafts
        agents = self.state["labels"].values()
        result["answers"] = {agent: known[agent] for agent in agents if agent in known}
        return result


def fold_events(events: Iterable[Event]) -> Record:
    """Fold events into a record."""
    record = Record()
    for event in events:
        record.add(event)
    return record
