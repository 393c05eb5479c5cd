"""The protocol's invariants, checked on the events and the state of one finished run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..nodes.agent_turn import CANCELLED, SETTLED
from ..nodes.budget import OWN_BUDGET
from ..nodes.events import (
    AgentRetried,
    AgentsReleased,
    AgentStamp,
    AnswersAccepted,
    BudgetReached,
    DeadlineReached,
    DebateOpened,
    Event,
    PresentingEnded,
    RoundOpened,
    RunFinished,
    RunStarted,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Verdict,
    VoteCast,
    WinnerSelected,
)
from ..nodes.policy import Policy
from ..nodes.race import GRACE_S
from ..nodes.record import fold_events, result_of
from ..nodes.rules import Vote, cast_vote
from ..nodes.visibility import Sight

from .oracle import Polls, sees_wrongly, settled_wrongly

SLACK_S = 2.0
"""Virtual seconds that stragglers and rounding may add to a deadline."""

PHASES = {
    "team": ("coordinate", "coordinate", "coordinate"),
    "critic": ("coordinate", "coordinate", "coordinate"),
    "nested": ("coordinate", "coordinate", "coordinate"),
    "debate": ("answer", "vote", "coordinate"),
    "council": ("answer", "vote", "vote"),
    "mixture": ("answer", "answer", "answer"),
    "self_consistency": ("answer", "answer", "answer"),
    "single": ("answer", "answer", "answer"),
}
"""What rounds of a graph ask for: at first, after new answers, and after a debate."""


class Checker:
    """Walks through the events of a run once, keeping what the invariants speak of.

    Args:
        policy: The policy of the run.
        agents: The ids of all agents, in registration order.
        graph: The graph's name.
    """

    def __init__(self, policy: Policy, agents: Sequence[str], graph: str = "team") -> None:
        self.policy, self.agents, self.graph = policy, list(agents), graph
        self.phase, self.after_answers, self.after_debate = PHASES[graph]
        merges = graph == "mixture"
        self.sits_out = {policy.presenter or self.agents[-1]} if merges else set[str]()
        self.nobody_votes = graph in ("mixture", "single", "self_consistency")
        self.limits: set[str] = set()
        self.answers: dict[str, int] = {}
        self.votes: dict[str, Vote] = {}
        self.reasons: set[str] = set()
        self.failed: set[str] = set()
        self.drafts: Counter[str] = Counter()
        self.open_turns: dict[str, TurnStarted] = {}
        self.seen: dict[str, list[str]] = {}
        self.last: Event | None = None
        self.round_opened_at = 0.0
        self.settled = False
        self.verdicts: list[str] = []
        self.owed_by_all = True
        self.counts: Counter[str] = Counter()
        self.attempts: dict[str, int] = {}
        self.tool_calls: Counter[str] = Counter()
        self.released: set[str] = set()
        self.interrupted: set[str] = set()
        self.exhausted: set[str] = set()
        self.retried: Counter[str] = Counter()
        self.spent = Counter[str]()
        self.spent_before: dict[str, int] = {}
        self.cancelled = False

    def check(self, events: Sequence[Event], state: dict[str, Any]) -> None:
        """Check a run that ended by itself; an AssertionError names the invariant."""
        self.walk(events)
        assert not self.cancelled, "nobody cancelled the run"
        self.final(events, state)

    def check_cancelled(self, events: Sequence[Event], result: dict[str, Any]) -> None:
        """Check a run that its caller may have cancelled, also before it had begun."""
        assert isinstance(events[-1], RunFinished)
        assert events[-1].result == result, "S7: the result is not the last event's"
        if len(events) == 1:
            assert result["outcome"] == "cancelled", "L1: the run ended before it began"
            return
        self.walk(events)
        record = fold_events(events[:-1])
        ended = record.ended(result["outcome"], result["duration_s"])
        assert ended | {"answer": result["answer"]} == result, "S7: the result is not the fold"
        if result["outcome"] != "cancelled":
            assert self.settled, "L1: the run ended without a verdict"
            assert not self.cancelled, "a run whose turns were cancelled did not go on"

    def walk(self, events: Sequence[Event]) -> None:
        """Check what holds for the events of every run."""
        for event in events:
            self.one(event)
            self.last = event
        assert isinstance(events[0], RunStarted), "S7: a record begins with run_started"
        assert isinstance(events[-1], RunFinished), "S6: a record ends with run_finished"
        assert self.counts["run_finished"] == 1, "S6: exactly one end"
        assert not self.open_turns, f"S1: turns without an outcome: {self.open_turns}"
        if not self.cancelled and events[-1].result["outcome"] != "cancelled":
            assert not self.interrupted, "a turn was interrupted for an answer that never came"

    def one(self, event: Event) -> None:
        """Check one event against what came before it."""
        self.counts[event.type] += 1
        self.in_order(event)
        idle = isinstance(event, AgentRetried) and event.agent not in self.open_turns
        if isinstance(event, AgentStamp) and not idle:
            self.tried(event)
        match event:
            case TurnStarted():
                self.turn_started(event)
            case ToolStarted():
                assert event.agent in self.open_turns, "S1: a tool outside a turn"
                self.tool_calls[event.agent] += 1
            case AgentRetried():
                self.failed.discard(event.agent)
                self.retried[event.agent] += 1
                self.reasons |= {event.agent} - set(self.open_turns)
            case TurnEnded():
                self.turn_ended(event)
                self.spends(event)
            case AgentsReleased():
                self.let_go(event)
            case PresentingEnded():
                self.spent["calls"] += event.usage["calls"]
                assert self.settled, "S6: nothing is presented before settling"
            case _:
                self.of_machine(event)

    def of_machine(self, event: Event) -> None:
        """Check what the machine itself tells."""
        match event:
            case RoundOpened():
                self.round_opened(event)
            case AnswersAccepted():
                self.accepted(event)
            case VoteCast():
                self.voted(event)
            case DebateOpened():
                assert self.polls.decision is None, "S5: a debate though the rule has a winner"
                assert event.ballots == self.in_order_of_agents(self.polls.counted), "S5: ballots"
                assert self.counts["debate_opened"] <= self.policy.max_debate_rounds, "S8: debates"
                self.votes, self.reasons, self.owed_by_all = {}, set(), True
                self.phase = self.after_debate
            case Verdict():
                self.judged(event)
            case WinnerSelected():
                self.attempts.clear()
                self.won(event)
            case DeadlineReached(which="run"):
                self.limits.add("deadline")
            case BudgetReached():
                self.limits.add("budget")
            case _:
                pass

    def in_order(self, event: Event) -> None:
        """S7: numbers, time, rounds and epochs only grow."""
        if self.last is not None:
            assert event.seq == self.last.seq + 1, "S7: numbers have gaps"
            assert event.t >= self.last.t, "S7: time went backwards"
            assert event.epoch >= self.last.epoch, "S7: the epoch fell"
            assert event.round >= self.last.round, "S7: the round fell"

    def tried(self, event: AgentStamp) -> None:
        """S1, S8: the tries of a turn, and of a presentation, are counted from 1 upwards."""
        if isinstance(event, TurnStarted):
            self.attempts[event.agent] = 1
        assert event.attempt >= self.attempts.get(event.agent, 1), "S1: the try's number fell"
        assert event.attempt <= self.policy.attempts, "S8: more tries than allowed"
        self.attempts[event.agent] = event.attempt

    def spends(self, event: TurnEnded) -> None:
        """S8: budgets are passed by no more than the calls in flight, and never by calls."""
        usage, before = event.usage, self.spent_before.pop(event.agent, 0)
        self.spent["calls"] += usage["calls"]
        self.spent["tokens"] += (
            usage["input_tokens"] + usage["output_tokens"] + usage["wasted_tokens"]
        )
        if self.policy.max_calls is not None:
            assert self.spent["calls"] <= self.policy.max_calls, "S8: more calls than allowed"
        if self.policy.max_tokens is not None and usage["calls"]:
            assert before < self.policy.max_tokens, "S8: a call without tokens left for it"

    def let_go(self, event: AgentsReleased) -> None:
        """Whom a new answer, or a vote, stops: those at work whose work it makes worthless."""
        if event.reason == "settled":
            assert self.policy.settle_early, "nobody asked to settle early"
        else:
            assert self.policy.on_new_answer == "cancel", "nobody is stopped under 'finish'"
        assert self.phase != "answer", "nobody is stopped where all are to answer"
        assert event.agents, "a release of nobody"
        assert set(event.agents) <= set(self.open_turns), "released without being at work"
        self.released = set(event.agents)

    def round_opened(self, event: RoundOpened) -> None:
        """S3, S5: who is asked."""
        live = [agent for agent in self.agents if agent not in self.failed]
        live = [agent for agent in live if agent not in self.exhausted | self.sits_out]
        owing = [agent for agent in live if agent not in self.votes]
        assert event.asked == owing, "S3: everybody who owes is asked, and nobody else"
        assert event.asked, "a round without anybody"
        if self.owed_by_all:
            assert event.asked == live, "S3: after a restart everybody owes"
        assert not self.settled, "S6: no round after settling"
        assert not self.interrupted, "a turn was interrupted for an answer that never came"
        self.released = set()
        self.round_opened_at, self.owed_by_all = event.t, False
        self.reasons = set()

    def turn_started(self, event: TurnStarted) -> None:
        """S1, S2: how a turn begins."""
        assert event.agent not in self.open_turns, "S1: one turn at a time"
        self.open_turns[event.agent] = event
        self.spent_before[event.agent] = self.spent["tokens"]
        self.retried[event.agent] = 0
        seen = [self.agents[int(label.removeprefix("agent")) - 1] for label in event.answers]
        assert seen == [agent for agent in self.agents if agent in seen], "S2: labels out of order"
        there = tuple(agent for agent in self.agents if agent in self.answers)
        sight = Sight(event.agent, tuple(self.agents), there, event.epoch, self.policy.seed)
        problem = sees_wrongly(self.policy, sight, seen, only_answers=self.phase == "answer")
        assert not problem, f"S2: {problem}"
        self.seen[event.agent] = seen

    def turn_ended(self, event: TurnEnded) -> None:
        """S1, S8, L2: how a turn ends."""
        started = self.open_turns.pop(event.agent, None)
        assert started is not None, "S1: an outcome without a turn"
        assert started.round == event.round, "S1: an outcome of another round"
        assert not self.settled, "S6: nothing is accepted after settling"
        late = event.t - self.round_opened_at - self.policy.round_deadline_s
        assert late <= GRACE_S + SLACK_S, "L2: a turn held its round beyond the deadline"
        requests = event.usage["calls"] + event.usage["retries"]
        more = 1 + self.tool_calls.pop(event.agent, 0)  # the soft deadline grants one
        more += self.retried.pop(event.agent, 0)  # and so does who asks it afresh
        assert requests <= self.policy.attempts + more, "S8: more requests than tries"
        if event.outcome == "interrupted" and event.why == CANCELLED:
            self.cancelled = True
            return
        if event.agent in self.released and not self.cancelled and event.kind != "cancelled":
            assert event.outcome == "interrupted", "a released turn went on to its end"
        if event.outcome == "new_answer":
            self.drafts[event.agent] += 1
            blind = self.policy.visibility == "none" and self.phase == "coordinate"
            assert not (blind and self.answers), "S2: a new answer after all were shown"
            assert self.phase != "vote", "a new answer in a round of votes"
            most = self.policy.max_answers_per_agent
            assert self.drafts[event.agent] <= most, "S8: more answers than allowed"
        elif event.outcome == "vote":
            assert self.phase != "answer", "a vote in a round of answers"
        elif event.outcome == "interrupted" and event.why == SETTLED:
            assert self.drafts[event.agent], "everybody finishes a first draft"
            self.reasons.add(event.agent)
        elif event.outcome == "interrupted":
            assert self.policy.on_new_answer == "cancel", "nobody is stopped under 'finish'"
            assert self.drafts[event.agent], "everybody finishes a first draft"
            self.interrupted.add(event.agent)
        elif event.outcome == "failed":
            self.failed.add(event.agent)
        elif event.outcome == "abstained":
            self.reasons.add(event.agent)
            self.exhausted |= {event.agent} if event.why == OWN_BUDGET else set()

    def accepted(self, event: AnswersAccepted) -> None:
        """S3: publishing."""
        assert self.last is not None
        assert event.epoch == self.last.epoch + 1, "S3: publishing raises the epoch by one"
        for agent in event.withdrawn:
            del self.answers[agent]
        for answer in event.answers:
            assert answer["epoch"] == event.epoch, "S3: an answer's epoch is that of its publishing"
            self.answers[answer["agent"]] = answer["epoch"]
        self.votes, self.reasons, self.owed_by_all = {}, set(), True
        self.phase = self.after_answers
        self.interrupted.clear()

    def voted(self, event: VoteCast) -> None:
        """S2, S4: what a vote may be."""
        assert event.candidate in self.answers, "S4: a vote is for a current answer"
        assert event.voter not in self.votes, "S4: one live vote an agent"
        assert event.voter not in self.failed, "S4: a failed agent does not vote"
        self.votes[event.voter] = cast_vote(
            event.voter, event.candidate, event.reason, event.epoch, event.ranking
        )
        if self.graph == "self_consistency":
            return  # an answer counts as a vote for what it says
        ranking = event.ranking or [event.candidate]
        assert ranking[0] == event.candidate, "S4: a ranking's first is the candidate"
        assert set(ranking) <= set(self.seen[event.voter]), "S2: a vote is for what its voter saw"
        if self.policy.self_votes == "forbid" and len(self.agents) > 1:
            assert event.voter not in ranking, "S4: nobody votes for itself here"

    def judged(self, event: Verdict) -> None:
        """S5, S6: when a run may settle."""
        self.verdicts.append(event.verdict)
        assert not self.settled, "S6: one verdict ends the run"
        assert not self.cancelled, "a cancelled run goes no further"
        if event.verdict != "new_answer":
            assert not self.interrupted, "a turn was interrupted for an answer that never came"
        if event.verdict in ("settled", "no_answer"):
            self.settled = True
        if event.verdict == "no_answer":
            assert not self.answers, "S5: there is an answer"
        if event.verdict == "settled" and not self.nobody_votes:
            live = {agent for agent in self.agents if agent not in self.failed}
            silent = live - set(self.votes) - self.reasons - self.exhausted
            assert not silent, f"S5: neither a vote nor a reason from {silent}"

    @property
    def polls(self) -> Polls:
        """The election as it stands."""
        live = [agent for agent in self.agents if agent not in self.failed]
        return Polls(self.policy, self.agents, self.votes, self.answers, live)

    def in_order_of_agents(self, ballots: Sequence[Vote]) -> list[Vote]:
        """Return ballots in registration order of their voters."""
        return sorted(ballots, key=lambda ballot: self.agents.index(ballot["voter"]))

    def won(self, event: WinnerSelected) -> None:
        """S4, S5: who wins, by what, and who saw it otherwise."""
        if self.graph == "mixture":
            assert {event.winner} == self.sits_out, "S5: the aggregator presents"
            assert event.settled_by in ("single", *self.limits), "S5: nobody votes in a mixture"
            return
        assert event.winner in self.answers, "S4: the winner has a current answer"
        polls, alone = self.polls, len(self.agents) == 1 and self.policy.single == "answer"
        assert event.winner == polls.winner, "S5: the winner is not the rule's"
        limits = self.limits | ({"budget"} if self.exhausted else set())
        problem = settled_wrongly(event.settled_by, polls, limits=limits, single=alone)
        assert not problem, f"S5: settled by what it was not: {problem}"
        dissent = [] if alone else polls.dissent(event.winner)
        assert event.dissent == dissent, "S5: the dissent is not the votes that lost"

    def final(self, events: Sequence[Event], state: dict[str, Any]) -> None:
        """S6, S7, L1: the end, and the fold."""
        end = events[-1]
        assert isinstance(end, RunFinished)
        assert self.settled, "L1: the run ended without a verdict"
        presented = 1 if state["outcome"] == "settled" else 0
        assert self.counts["presenting_ended"] == presented, "S6: one final presentation"
        limit = self.policy.run_deadline_s + self.policy.round_deadline_s + SLACK_S
        assert end.t <= limit, "L1: the run took longer than its deadline allows"
        record = fold_events(events)
        for key, value in record.state.items():
            assert value == state[key], f"S7: folding the events gives another {key}"
        folded = result_of(
            record.state,
            outcome=state["outcome"],
            answer=state["answer"],
            seconds=end.result["duration_s"],
            thread_id=end.thread_id,
        )
        assert folded == end.result, "S7: the result is not the fold"
