"""Events of the run and of its machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .result import Folded
from .rules import Vote
from .stamp import Stamp
from .state import Answer, Outcome, SettledBy

VerdictName = Literal["new_answer", "unfinished", "no_answer", "no_consensus", "settled"]


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

    `outcomes` are those of turns that had ended in the round that was cut; nobody tells them again.
    What else events of the last attempt tell beyond `state` is void, and may be told again.
    """

    question: str
    agents: list[dict[str, str]]
    policy: dict[str, Any]
    graph: str
    state: Folded
    outcomes: list[Outcome]
    type: Literal["run_resumed"] = field(default="run_resumed", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundOpened(Stamp):
    """A round began."""

    asked: list[str]
    type: Literal["round_opened"] = field(default="round_opened", init=False)


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
