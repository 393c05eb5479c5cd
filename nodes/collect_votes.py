"""`collect_votes`: the outcomes of a round become answers to publish, votes and failures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from .actions import fold_space
from .agent_turn import SETTLED
from .budget import OWN_BUDGET, RUN_BUDGET
from .events import AgentRetried, DeadlineReached, VoteCast, VoteDropped
from .live import Desk, LiveRun
from .machine import MachineNode
from .policy import PolicyFields
from .rules import Vote, cast_vote
from .state import (
    Answer,
    Failure,
    Outcome,
    OutcomeKind,
    TeamState,
    add_usage,
    agents_of,
    no_usage,
)

RETRIED = "it is to be asked afresh"
STALE = "its voter had not seen the current answers"


def collect_votes(policy: PolicyFields, desk: Desk) -> MachineNode:
    """Return the node that reads what the agents of a round did."""

    async def collect_votes(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        outcomes = outcomes_of_round(state)
        pending = accepted_answers(outcomes, state["epoch"] + 1)
        votes = _votes(outcomes, state, dropped=bool(pending))
        _tell(live, runtime, state, outcomes, votes)
        limit = state["limit"]
        if limit is None and live.now >= policy.run_deadline_s:
            limit = "deadline"
            live.emit(runtime, state, DeadlineReached(which="run"))
        if limit is None and any(outcome["text"] == RUN_BUDGET for outcome in _of(outcomes)):
            limit = "budget"
        failures = state["failures"] | _failures(outcomes)
        retried = [agent for agent in failures if live.orders(agent).take_retry()]
        for agent in retried:
            live.emit(runtime, state, AgentRetried(agent=agent))
        return {
            "pending": pending,
            "votes": state["votes"] | votes,
            "drafts": _drafts(state, outcomes),
            "failures": {agent: why for agent, why in failures.items() if agent not in retried},
            "exhausted": sorted({*state.get("exhausted", []), *_exhausted(outcomes)}),
            "abstained": state["abstained"] | _reasons(outcomes) | dict.fromkeys(retried, RETRIED),
            "usage": _usage(state, outcomes),
            "rounds": state["rounds"] + any(o["usage"]["calls"] for o in outcomes),
            "elapsed": live.now,
            "limit": limit,
        }

    return collect_votes


def _of(outcomes: Sequence[Outcome], kind: OutcomeKind = "abstained") -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome["outcome"] == kind]


def _reasons(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return why somebody has no vote, a round that was settled before it ended included."""
    settled = [o for o in _of(outcomes, "interrupted") if o["text"] == SETTLED]
    return {outcome["agent"]: outcome["text"] for outcome in [*_of(outcomes), *settled]}


def _exhausted(outcomes: Sequence[Outcome]) -> list[str]:
    """Return whose own budget did not allow a call."""
    return [outcome["agent"] for outcome in _of(outcomes) if outcome["text"] == OWN_BUDGET]


def outcomes_of_round(state: TeamState) -> list[Outcome]:
    """Return the outcomes of the round that just ended, in registration order."""
    known = {
        outcome["agent"]: outcome
        for outcome in state.get("outcomes", [])
        if outcome["round"] == state["round"]
    }
    return [known[agent] for agent in agents_of(state) if agent in known]


def accepted_answers(outcomes: Sequence[Outcome], epoch: int) -> list[Answer]:
    """Return the answers to publish; equal ones are one, under the author registered first."""
    seen: set[str] = set()
    accepted = []
    for outcome in outcomes:
        if outcome["outcome"] == "new_answer" and fold_space(outcome["text"]) not in seen:
            seen.add(fold_space(outcome["text"]))
            accepted.append(Answer(agent=outcome["agent"], text=outcome["text"], epoch=epoch))
    return accepted


def _votes(outcomes: Sequence[Outcome], state: TeamState, *, dropped: bool) -> dict[str, Vote]:
    """Return the votes of this round that count: cast in the current epoch, and not outdated."""
    votes = {}
    for outcome in outcomes:
        candidate = outcome["candidate"]
        fresh = outcome["epoch"] == state["epoch"] and not dropped
        if outcome["outcome"] == "vote" and fresh and candidate in state["answers"]:
            votes[outcome["agent"]] = cast_vote(
                voter=outcome["agent"],
                candidate=candidate,
                reason=outcome["text"],
                epoch=outcome["epoch"],
                ranking=outcome.get("ranking"),
            )
    return votes


def _tell(
    live: LiveRun,
    runtime: Runtime[Any],
    state: TeamState,
    outcomes: Sequence[Outcome],
    votes: dict[str, Vote],
) -> None:
    for outcome in outcomes:
        if outcome["outcome"] != "vote":
            continue
        voter, candidate = outcome["agent"], outcome["candidate"] or ""
        if voter in votes:
            cast = VoteCast(
                voter=voter,
                candidate=candidate,
                reason=outcome["text"],
                ranking=outcome.get("ranking"),
            )
            live.emit(runtime, state, cast)
        else:
            gone = VoteDropped(voter=voter, candidate=candidate, why=STALE)
            live.emit(runtime, state, gone)


def _drafts(state: TeamState, outcomes: Sequence[Outcome]) -> dict[str, int]:
    drafts = dict(state["drafts"])
    for outcome in outcomes:
        if outcome["outcome"] == "new_answer":
            drafts[outcome["agent"]] = drafts.get(outcome["agent"], 0) + 1
    return drafts


def _failures(outcomes: Sequence[Outcome]) -> dict[str, Failure]:
    return {
        outcome["agent"]: Failure(
            kind=outcome["kind"] or "internal", message=outcome["text"], round=outcome["round"]
        )
        for outcome in outcomes
        if outcome["outcome"] == "failed"
    }


def _usage(state: TeamState, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    usage = dict(state["usage"])
    for outcome in outcomes:
        agent = outcome["agent"]
        usage[agent] = add_usage(usage.get(agent, no_usage()), outcome["usage"])
    return usage
