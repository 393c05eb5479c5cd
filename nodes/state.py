"""The state of a run: small, plain values that any checkpointer can store.

Only `outcomes` and `messages` have reducers, because only `outcomes` is written by several nodes
at once, and `messages` grows from question to question.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict  # below Python 3.12 pydantic takes no other

from .rules import Vote

OutcomeKind = Literal["new_answer", "vote", "interrupted", "abstained", "failed"]
FailureKind = Literal[
    "auth",
    "rate_limit",
    "overloaded",
    "timeout",
    "bad_request",
    "connection",
    "incomplete_stream",
    "malformed",
    "refused",
    "protocol",
    "tool",
    "internal",
    "cancelled",
]
Phase = Literal["coordinate", "answer", "vote"]
"""What a round asks for: an answer or a vote as each agent likes, answers alone, or votes alone."""
RunOutcome = Literal["settled", "no_answer", "cancelled", "failed"]
SettledBy = Literal[
    "consensus", "rule", "tie_break", "debate_limit", "deadline", "budget", "single"
]
Presented = Literal["present", "reuse", "synthesize", "fallback"]


class Usage(TypedDict):
    """What calls have used, in the terms of the result."""

    calls: int
    retries: int
    stopped: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    wasted_tokens: int
    cost_usd: float | None


class Answer(TypedDict):
    """A current answer: its author, its text byte for byte, and when it was accepted."""

    agent: str
    text: str
    epoch: int


class Failure(TypedDict):
    """Why an agent sits out the rest of a question."""

    kind: FailureKind
    message: str
    round: int


class Output(TypedDict):
    """The final answer as a plain JSON value, None where it does not fit the output type."""

    value: Any


class Outcome(TypedDict):
    """How one agent's turn ended.

    `text` is the answer of a new_answer and the reason of everything else; `candidate` is the real
    id that a vote is for, and the first of its `ranking`, if it was cast under a ranked rule;
    `kind` is why a failed turn failed.
    """

    agent: str
    round: int
    epoch: int
    outcome: OutcomeKind
    text: str
    candidate: str | None
    kind: FailureKind | None
    usage: Usage
    ranking: NotRequired[list[str]]


def newest_round(old: list[Outcome], new: list[Outcome]) -> list[Outcome]:
    """Keep the outcomes of the newest round, one an agent, whatever the order of arrival."""
    newest = max((outcome["round"] for outcome in [*old, *new]), default=0)
    kept: dict[str, Outcome] = {}
    for outcome in [*old, *new]:
        known = kept.get(outcome["agent"])
        if outcome["round"] == newest and (known is None or _rank(known) < _rank(outcome)):
            kept[outcome["agent"]] = outcome
    return [kept[agent] for agent in sorted(kept)]


def _rank(outcome: Outcome) -> str:
    """A total order of outcomes: a turn has one, but a reducer must not care."""
    return repr(sorted(outcome.items(), key=lambda item: item[0]))


class Question(TypedDict):
    """What a run is given: the conversation, whose last human message is the question."""

    messages: Annotated[list[AnyMessage], add_messages]


class TeamState(Question, total=False):
    """The state of the coordination machine; beside each key, who writes it."""

    run: str  # ask: the run's identity
    nonce: str  # ask: what fences carry
    labels: dict[str, str]  # ask: label -> agent id, in registration order
    round: int  # open_round: never restarts within a thread
    round_id: str  # open_round: unique over forks and nested teams
    asked: list[str]  # open_round: who acts in this round
    phase: Phase  # ask, restart, debate: what rounds ask for
    opened: int  # open_round: rounds opened in this epoch; restart, debate, ask: 0
    notes: dict[str, str]  # a person's own nodes: what agents are shown besides, by its title
    outcomes: Annotated[list[Outcome], newest_round]  # the agents
    pending: list[Answer]  # collect_votes: answers accepted in this round
    votes: dict[str, Vote]  # collect_votes; restart, debate: cleared
    drafts: dict[str, int]  # collect_votes: answers accepted from each agent
    failures: dict[str, Failure]  # collect_votes (also takes back who is retried), present_final
    exhausted: list[str]  # collect_votes: whose own budget is used up; not asked again
    abstained: dict[str, str]  # collect_votes: why somebody has no vote; restart, debate: cleared
    usage: dict[str, Usage]  # collect_votes, present_final
    rounds: int  # collect_votes: rounds of this question in which somebody was called
    elapsed: float  # collect_votes: seconds since the run began
    limit: Literal["deadline", "budget"] | None  # collect_votes: the limit that the run has reached
    epoch: int  # restart, debate, ask: never restarts within a thread
    answers: dict[str, Answer]  # restart: the current answers, by author
    debates: int  # debate: debate rounds so far
    ballots: list[Vote]  # debate: the ballots that are shown; restart: cleared
    winner: str | None  # select_winner
    settled_by: SettledBy | None  # select_winner
    dissent: list[Vote]  # select_winner
    answer: str | None  # present_final, give_up
    presented: Presented | None  # present_final
    output: Output | None  # ask: None without an output type; present_final
    outcome: RunOutcome | None  # present_final, give_up


def cleared() -> dict[str, Any]:
    """Return what a new question clears: everything but the conversation, round and epoch."""
    return {
        "round_id": "",
        "asked": [],
        "phase": "coordinate",
        "notes": {},
        "opened": 0,
        "rounds": 0,
        "debates": 0,
        "pending": [],
        "answers": {},
        "votes": {},
        "ballots": [],
        "drafts": {},
        "failures": {},
        "exhausted": [],
        "abstained": {},
        "usage": {},
        "elapsed": 0.0,
        "limit": None,
        "winner": None,
        "settled_by": None,
        "dissent": [],
        "answer": None,
        "presented": None,
        "output": None,
        "outcome": None,
    }


class TurnOutput(TypedDict):
    """What an agent's subgraph gives back to the machine: nothing but its outcome."""

    outcomes: Annotated[list[Outcome], newest_round]


def no_output(output_type: Any) -> Output | None:
    """Return what a run begins with: no value yet, or None when no output type asks for one."""
    return None if output_type is None else Output(value=None)


def no_usage() -> Usage:
    """Return a usage of nothing."""
    return Usage(
        calls=0,
        retries=0,
        stopped=0,
        input_tokens=0,
        cached_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        wasted_tokens=0,
        cost_usd=None,
    )


def add_usage(one: Usage, other: Usage) -> Usage:
    """Return the sum of two usages; the cost of what reports tokens must be known on both sides."""
    costs = [usage["cost_usd"] for usage in (one, other) if usage["cost_usd"] is not None]
    unknown = any(
        usage["cost_usd"] is None and usage["input_tokens"] + usage["output_tokens"] > 0
        for usage in (one, other)
    )
    return Usage(
        calls=one["calls"] + other["calls"],
        retries=one["retries"] + other["retries"],
        stopped=one["stopped"] + other["stopped"],
        input_tokens=one["input_tokens"] + other["input_tokens"],
        cached_tokens=one["cached_tokens"] + other["cached_tokens"],
        output_tokens=one["output_tokens"] + other["output_tokens"],
        reasoning_tokens=one["reasoning_tokens"] + other["reasoning_tokens"],
        wasted_tokens=one["wasted_tokens"] + other["wasted_tokens"],
        cost_usd=sum(costs) if costs and not unknown else None,
    )


def agents_of(state: TeamState) -> list[str]:
    """Return all agents in registration order."""
    return list(state["labels"].values())


def live_agents(state: TeamState) -> list[str]:
    """Return the agents that have not failed during this question."""
    return [agent for agent in agents_of(state) if agent not in state["failures"]]


def askable_agents(state: TeamState) -> list[str]:
    """Return the live agents whose own budget is not used up."""
    spent = state.get("exhausted", [])
    return [agent for agent in live_agents(state) if agent not in spent]


def owing_agents(state: TeamState) -> list[str]:
    """Return the agents that can still be asked and have no vote in the current epoch."""
    return [agent for agent in askable_agents(state) if agent not in state["votes"]]
