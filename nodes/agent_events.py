"""Events of an agent: of its turn, and of presenting the final answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .stamp import AgentStamp, Delta
from .state import Failure, FailureKind, OutcomeKind, Presented, Usage


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
class CallEnded(AgentStamp):
    """A call of an agent's provider that had begun is over, and nothing more of it comes.

    `finish_reason` is None where the provider did not come to its end, and `failure` says how the
    call broke, if it did. `usage` is this call's own. `replayed` is true where its reply was stored
    and nobody was asked: it was told before, unless that got lost.
    """

    provider: str
    model: str
    finish_reason: str | None
    failure: FailureKind | None
    stopped: bool
    seconds: float
    usage: Usage
    replayed: bool
    type: Literal["call_ended"] = field(default="call_ended", init=False)


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
