"""Facts: what the events of a run have said so far, as far as a check needs it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..nodes.agent_turn import CANCELLED, SETTLED
from ..nodes.budget import OWN_BUDGET
from ..nodes.events import (
    AgentRetried,
    AgentsReleased,
    AgentStamp,
    AnswersAccepted,
    AnswerText,
    BudgetReached,
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
from ..nodes.rules import Vote, cast_vote
from ..nodes.state import Phase
from .oracle import Polls
from .setting import Setting
from .turn import Turn, tokens_of


@dataclass(slots=True)
class Facts:
    """What the events have said so far. Checks read it before their event is taken in.

    Outcomes of turns count once the round is collected, as they do in the machine: a run that goes
    on in the middle of a round begins it with those that are stored.
    """

    setting: Setting
    seq: int = 0
    t: float = 0.0
    round: int = 0
    epoch: int = 0
    place: str = "start"
    """The last step of the machine: `start`, a verdict, or what was told by a node."""
    phase: Phase | None = None
    asked: list[str] | None = field(default_factory=list[str])
    """Who is asked in the round; None where that is not told."""
    opened: int = 0
    opened_at: float = 0.0
    all_owe: bool = True
    collected: bool = True
    published: bool = False
    answers: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    votes: dict[str, Vote] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    drafts: Counter[str] = field(default_factory=Counter)
    failed: set[str] = field(default_factory=set)
    exhausted: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    limits: set[str] = field(default_factory=set)
    debates: int = 0
    open: dict[str, Turn] = field(default_factory=dict)
    ended: dict[str, Turn] = field(default_factory=dict)
    cut: dict[str, Turn] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    calls: int = 0
    tokens: int = 0
    cancelled: bool = False
    settled: bool = False
    winner: WinnerSelected | None = None
    presenting: str | None = None
    tries: int = 1
    final_text: dict[int, list[str]] = field(default_factory=dict)
    presented: PresentingEnded | None = None
    finished: RunFinished | None = None

    def __post_init__(self) -> None:
        shape = self.setting.shape
        self.phase = None if shape is None else shape.first

    def copy(self) -> Facts:
        """Return a copy for a time at which no turn is open."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        held = (dict, set, list)
        copied = dataclasses.replace(self)
        for name, value in values.items():
            setattr(copied, name, value.copy() if isinstance(value, held) else value)
        return copied

    @property
    def live(self) -> list[str]:
        """Who has not failed, in registration order."""
        return [agent for agent in self.setting.agents if agent not in self.failed]

    @property
    def owing(self) -> list[str]:
        """Who can still be asked, and has no vote."""
        out = self.exhausted | self.setting.sits_out
        return [agent for agent in self.live if agent not in out and agent not in self.votes]

    @property
    def polls(self) -> Polls:
        """The election as it stands."""
        setting = self.setting
        return Polls(setting.policy, setting.agents, self.votes, self.answers, self.live)

    def turn_of(self, agent: str) -> Turn | None:
        """Return the turn that an agent is at; one that an earlier attempt began goes on."""
        return self.open.get(agent) or self.cut.get(agent)

    def ends_round(self, event: Event) -> bool:
        """Return whether an event comes after a round that is not collected yet."""
        if self.collected:
            return False
        match event:
            case AgentRetried():
                return event.agent not in self.open and event.agent not in self.cut
            case DeadlineReached():
                return event.which == "run"
            case AgentStamp() | AgentsReleased() | BudgetReached():
                return False
            case _:
                return True

    def collect(self) -> None:
        """Take in how the turns of the round have ended."""
        self.collected = True
        for agent, turn in self.ended.items():
            match turn.outcome:
                case "new_answer":
                    self.drafts[agent] += 1
                case "failed":
                    self.failed.add(agent)
                case "abstained":
                    self.reasons.add(agent)
                    self.exhausted |= {agent} if turn.why == OWN_BUDGET else set()
                case "interrupted" if turn.why == SETTLED:
                    self.reasons.add(agent)
                case _:
                    pass

    def add(self, event: Event) -> None:
        """Take an event in."""
        self.seq, self.t = event.seq, event.t
        self.round, self.epoch = event.round, event.epoch
        taken = _TAKEN.get(type(event))
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
        )

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

    def _budget(self, event: BudgetReached) -> None:
        self.limits.add("budget")

    def _won(self, event: WinnerSelected) -> None:
        self.winner, self.place = event, "winner_selected"

    def _presenting(self, event: PresentingStarted) -> None:
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


_TAKEN: Mapping[type, Callable[[Facts, Any], None]] = {
    RoundOpened: Facts._round_opened,
    TurnStarted: Facts._turn_started,
    ToolStarted: Facts._tool_started,
    AgentRetried: Facts._retried,
    AnswerText: Facts._answer_text,
    TurnEnded: Facts._turn_ended,
    AgentsReleased: Facts._released,
    AnswersAccepted: Facts._accepted,
    DebateOpened: Facts._debate,
    VoteCast: Facts._vote,
    VoteDropped: Facts._dropped,
    Verdict: Facts._verdict,
    DeadlineReached: Facts._deadline,
    BudgetReached: Facts._budget,
    WinnerSelected: Facts._won,
    PresentingStarted: Facts._presenting,
    FinalText: Facts._final,
    PresentingEnded: Facts._presented,
    RunFinished: Facts._finished,
}
"""What takes in the events of a type; all others of an agent say which try it is at."""
