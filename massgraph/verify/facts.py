"""Facts: what the events of a run have said so far, as far as a check needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..nodes.agent_turn import CANCELLED
from ..nodes.events import (
    AgentRetried,
    AgentsReleased,
    AgentStamp,
    AnswersAccepted,
    AnswerText,
    BudgetReached,
    CallEnded,
    DeadlineReached,
    DebateOpened,
    Event,
    FinalText,
    PresentingEnded,
    PresentingStarted,
    RoundOpened,
    RunFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Verdict,
    VoteCast,
    VoteDropped,
    WinnerSelected,
)
from ..nodes.rules import cast_vote
from ..nodes.state import add_usage, no_usage
from .known import Known
from .turn import Turn, tokens_of


class Facts(Known):
    """What the events have said so far. Checks read it before their event is taken in."""

    __slots__ = ()

    def add(self, event: Event) -> None:
        """Take an event in."""
        self.seq, self.t = event.seq, event.t
        self.round, self.epoch = event.round, event.epoch
        taken = self.TAKEN.get(type(event))
        if taken is not None:
            taken(self, event)
        elif isinstance(event, AgentStamp):
            self._at_work(event)

    def _at_work(self, event: AgentStamp) -> None:
        turn = self.open.get(event.agent)
        if turn is None and event.agent in self.cut:
            turn = self.open[event.agent] = self.cut.pop(event.agent)
        if turn is not None:
            turn.attempt = event.attempt
        elif event.agent == self.presenting:
            self.tries = event.attempt

    def _round_opened(self, event: RoundOpened) -> None:
        self.asked, self.opened, self.opened_at = event.asked, self.opened + 1, event.t
        self.all_owe = self.collected = self.published = False
        self.reasons, self.released, self.dropped = set(), set(), set()
        self.ended, self.open, self.cut = {}, {}, {}
        self.place = "round_opened"

    def _turn_started(self, event: TurnStarted) -> None:
        self.cut.pop(event.agent, None)
        self.open[event.agent] = Turn(
            event.agent,
            event.round,
            event.epoch,
            seen=tuple(event.answers),
            spent=self.tokens,
            whole=True,
        )

    def _call_ended(self, event: CallEnded) -> None:
        self._at_work(event)
        self.tells_calls = True
        turn = self.open.get(event.agent)
        if turn is not None:
            turn.calls = add_usage(turn.calls, event.usage)
        else:
            self.presenting_calls = add_usage(self.presenting_calls, event.usage)

    def _tool_started(self, event: ToolStarted) -> None:
        self._at_work(event)
        if (turn := self.open.get(event.agent)) is not None:
            turn.tools += 1

    def _retried(self, event: AgentRetried) -> None:
        self.failed.discard(event.agent)
        self._at_work(event)
        turn = self.open.get(event.agent)
        if turn is None:
            self.reasons.add(event.agent)
        else:
            turn.afresh += 1
            turn.written = {}

    def _answer_text(self, event: AnswerText) -> None:
        self._at_work(event)
        if (turn := self.open.get(event.agent)) is not None:
            turn.written.setdefault(event.attempt, []).append(event.delta)

    def _turn_ended(self, event: TurnEnded) -> None:
        self._at_work(event)
        turn = self.open.pop(event.agent, None) or Turn(event.agent, event.round, event.epoch)
        if self.tells_calls is None and turn.whole and event.usage["calls"]:
            self.tells_calls = False
        turn.outcome, turn.why, turn.usage = event.outcome, event.why, event.usage
        if event.outcome == "new_answer" and event.attempt in turn.written:
            turn.text = "".join(turn.written[event.attempt])
        self.calls += event.usage["calls"]
        self.tokens += tokens_of(event.usage)
        self.ended[event.agent] = turn
        self.cancelled |= event.outcome == "interrupted" and event.why == CANCELLED

    def _released(self, event: AgentsReleased) -> None:
        self.released |= set(event.agents)

    def _accepted(self, event: AnswersAccepted) -> None:
        for agent in event.withdrawn:
            self.answers.pop(agent, None)
            self.texts.pop(agent, None)
        for answer in event.answers:
            self.answers[answer["agent"]] = answer["epoch"]
            self.texts[answer["agent"]] = answer["text"]
        self._vote_again("answers_accepted")
        self.published = True
        self.phase = self.setting.shape.after_answers if self.setting.shape else None

    def _debate(self, event: DebateOpened) -> None:
        self._vote_again("debate_opened")
        self.debates += 1
        self.phase = self.setting.shape.after_debate if self.setting.shape else None

    def _vote_again(self, place: str) -> None:
        self.votes, self.reasons, self.all_owe = {}, set(), True
        self.opened, self.place = 0, place

    def _vote(self, event: VoteCast) -> None:
        self.votes[event.voter] = cast_vote(
            event.voter, event.candidate, event.reason, event.epoch, event.ranking
        )

    def _dropped(self, event: VoteDropped) -> None:
        self.dropped.add(event.voter)

    def _verdict(self, event: Verdict) -> None:
        self.place = event.verdict
        self.settled |= event.verdict in ("settled", "no_answer")

    def _deadline(self, event: DeadlineReached) -> None:
        if event.which == "run":
            self.limits.add("deadline")
            self.late = True

    def _budget(self, event: BudgetReached) -> None:
        self.limits.add("budget")

    def _won(self, event: WinnerSelected) -> None:
        self.winner, self.place = event, "winner_selected"

    def _presenting(self, event: PresentingStarted) -> None:
        if self.presenting is None:
            self.presenting_calls = no_usage()
        self.presenting, self.tries = event.agent, event.attempt

    def _final(self, event: FinalText) -> None:
        self._at_work(event)
        self.final_text.setdefault(event.attempt, []).append(event.delta)

    def _presented(self, event: PresentingEnded) -> None:
        self.presenting, self.presented, self.tries = None, event, event.attempt
        self.calls += event.usage["calls"]
        self.tokens += tokens_of(event.usage)
        self.place = "presenting_ended"

    def _finished(self, event: RunFinished) -> None:
        self.finished, self.place = event, "run_finished"

    TAKEN: ClassVar[Mapping[type, Callable[[Any, Any], None]]] = {
        RoundOpened: _round_opened,
        TurnStarted: _turn_started,
        CallEnded: _call_ended,
        ToolStarted: _tool_started,
        AgentRetried: _retried,
        AnswerText: _answer_text,
        TurnEnded: _turn_ended,
        AgentsReleased: _released,
        AnswersAccepted: _accepted,
        DebateOpened: _debate,
        VoteCast: _vote,
        VoteDropped: _dropped,
        Verdict: _verdict,
        DeadlineReached: _deadline,
        BudgetReached: _budget,
        WinnerSelected: _won,
        PresentingStarted: _presenting,
        FinalText: _final,
        PresentingEnded: _presented,
        RunFinished: _finished,
    }
    """What takes in the events of a type; all others of an agent say which try it is at."""
