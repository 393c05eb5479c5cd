"""Events: everything that happens in a run, as a closed union of frozen dataclasses.

Displays, logs and records read nothing else; folding the events gives the state (record.py).
Where an event is stamped is `LiveRun.emit`; a node fills in its payload only.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from .result import Folded
from .rules import Vote
from .state import Answer, Failure, FailureKind, OutcomeKind, Presented, SettledBy, Usage

VERSION = 1

VerdictName = Literal["new_answer", "unfinished", "no_answer", "no_consensus", "settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every event carries.

    Args:
        v: The version of the vocabulary.
        seq: The event's number within the run attempt, from 1, without gaps.
        t: Seconds since the run began.
        run_attempt: 1, and one more for each resume.
        thread_id: The run's thread.
        round: The round, 0 before the first.
        epoch: The version of the set of answers.
    """

    v: int = VERSION
    seq: int = 0
    t: float = 0.0
    run_attempt: int = 1
    thread_id: str = ""
    round: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStamp(Stamp):
    """What every event of an agent carries; `attempt` is the try within its turn, from 1."""

    agent: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta(AgentStamp):
    """A piece of text, which may be merged with the next piece of the same kind."""

    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Stamp):
    """A question was asked; `agents` are mappings of id, provider and model."""

    question: str
    agents: list[dict[str, str]]
    policy: dict[str, Any]
    graph: str
    type: Literal["run_started"] = field(default="run_started", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Stamp):
    """A run goes on where its last attempt was cut; `state` is what the machine has stored.

    What events of the last attempt tell beyond `state` is void, and may be told again.
    """

    question: str
    agents: list[dict[str, str]]
    policy: dict[str, Any]
    graph: str
    state: Folded
    type: Literal["run_resumed"] = field(default="run_resumed", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundOpened(Stamp):
    """A round began."""

    asked: list[str]
    type: Literal["round_opened"] = field(default="round_opened", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(AgentStamp):
    """An agent began its turn, seeing the answers under these labels."""

    answers: list[str]
    type: Literal["turn_started"] = field(default="turn_started", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentText(Delta):
    """An agent wrote text outside its action."""

    type: Literal["agent_text"] = field(default="agent_text", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReasoning(Delta):
    """An agent reasoned."""

    type: Literal["agent_reasoning"] = field(default="agent_reasoning", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerText(Delta):
    """An agent wrote a piece of its new answer, inside the tool call."""

    type: Literal["answer_text"] = field(default="answer_text", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus(AgentStamp):
    """What an agent's provider is doing, or what its call waits for."""

    status: str
    type: Literal["agent_status"] = field(default="agent_status", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRetried(AgentStamp):
    """A request got no reply, and is sent again after `wait_s` seconds."""

    why: str
    wait_s: float
    type: Literal["call_retried"] = field(default="call_retried", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted(AgentStamp):
    """A tool of an agent began."""

    name: str
    arguments: dict[str, Any]
    builtin: bool = False
    type: Literal["tool_started"] = field(default="tool_started", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished(AgentStamp):
    """A tool of an agent ended, with a result or an error."""

    name: str
    result: str | None
    error: str | None
    seconds: float
    builtin: bool = False
    type: Literal["tool_finished"] = field(default="tool_finished", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRefused(AgentStamp):
    """A try of an agent did not count."""

    what: str
    why: str
    type: Literal["action_refused"] = field(default="action_refused", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRetried(AgentStamp):
    """An agent is asked afresh: what its turn had written is void, and so is its failure."""

    type: Literal["agent_retried"] = field(default="agent_retried", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(AgentStamp):
    """An agent's turn ended; `why` is the reason where it is neither an answer nor a vote."""

    outcome: OutcomeKind
    why: str
    kind: FailureKind | None
    seconds: float
    usage: Usage
    type: Literal["turn_ended"] = field(default="turn_ended", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersAccepted(Stamp):
    """New answers were published; the stamp's epoch is the new one."""

    answers: list[Answer]
    withdrawn: list[str]
    type: Literal["answers_accepted"] = field(default="answers_accepted", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteCast(Stamp):
    """A vote stands; `ranking` is there under a ranked rule, and its first is the candidate."""

    voter: str
    candidate: str
    reason: str
    ranking: list[str] | None = None
    type: Literal["vote_cast"] = field(default="vote_cast", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteDropped(Stamp):
    """A vote does not count."""

    voter: str
    candidate: str
    why: str
    type: Literal["vote_dropped"] = field(default="vote_dropped", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsReleased(Stamp):
    """Agents were stopped, because a peer's new answer or vote made their work worthless.

    `because_of` is that peer; `reason` is `settled` where its vote left nothing to decide.
    """

    agents: list[str]
    because_of: str
    reason: Literal["new_answer", "settled"] = "new_answer"
    type: Literal["agents_released"] = field(default="agents_released", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Stamp):
    """What the machine made of a round."""

    verdict: VerdictName
    type: Literal["verdict"] = field(default="verdict", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebateOpened(Stamp):
    """No winner: the ballots are shown, and everybody votes again."""

    ballots: list[Vote]
    type: Literal["debate_opened"] = field(default="debate_opened", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WinnerSelected(Stamp):
    """The votes stand."""

    winner: str
    settled_by: SettledBy
    dissent: list[Vote]
    type: Literal["winner_selected"] = field(default="winner_selected", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentingStarted(AgentStamp):
    """The winner, or who merges the answers, began to write the final answer."""

    type: Literal["presenting_started"] = field(default="presenting_started", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalText(Delta):
    """A piece of the final answer."""

    type: Literal["final_text"] = field(default="final_text", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentingEnded(AgentStamp):
    """The presentation is over; `failure` says why its agent could not write the answer, if so.

    `presented` is None when the run was cancelled in the middle of it. `output` is the final answer
    as a plain value, where the policy has an output type and the answer fits it.
    """

    presented: Presented | None
    failure: Failure | None
    usage: Usage
    output: Any = None
    type: Literal["presenting_ended"] = field(default="presenting_ended", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached(Stamp):
    """A limit of a budget is reached: the run's, or an agent's own; told once."""

    which: str
    agent: str | None = None
    type: Literal["budget_reached"] = field(default="budget_reached", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineReached(Stamp):
    """A deadline has passed: `soft`, `round` or `run`; `agent` where it is an agent's."""

    which: Literal["soft", "round", "run"]
    agent: str | None = None
    type: Literal["deadline_reached"] = field(default="deadline_reached", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Stamp):
    """The run is over; `result` is the result object of docs/cli.md."""

    result: dict[str, Any]
    type: Literal["run_finished"] = field(default="run_finished", init=False)


Event = (
    RunStarted
    | RunResumed
    | RoundOpened
    | TurnStarted
    | AgentText
    | AgentReasoning
    | AnswerText
    | AgentStatus
    | CallRetried
    | ToolStarted
    | ToolFinished
    | ActionRefused
    | AgentRetried
    | TurnEnded
    | AnswersAccepted
    | VoteCast
    | VoteDropped
    | AgentsReleased
    | Verdict
    | DebateOpened
    | WinnerSelected
    | PresentingStarted
    | FinalText
    | PresentingEnded
    | BudgetReached
    | DeadlineReached
    | RunFinished
)


def event_to_dict(event: Event) -> dict[str, Any]:
    """Return an event as plain values, `v, seq, t, type` first."""
    values = dataclasses.asdict(event)
    head = {key: values.pop(key) for key in ("v", "seq", "t", "type")}
    return head | values


def event_to_json(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(event_to_dict(event), ensure_ascii=False)
