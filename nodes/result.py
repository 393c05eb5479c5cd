"""The result of a run: what its state, and the fold of its events, both give."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict  # below Python 3.12 pydantic takes no other

from .rules import Vote
from .state import (
    Answer,
    Failure,
    Output,
    Presented,
    RunOutcome,
    SettledBy,
    TeamState,
    Usage,
    add_usage,
    no_usage,
)

RESULT_VERSION = 1


class BareVote(TypedDict):
    """A vote as the result shows it; `ranking` when it was cast under a ranked rule."""

    voter: str
    candidate: str
    reason: str
    ranking: NotRequired[list[str]]


class ResultDict(TypedDict):
    """The result object; its keys are explained in docs/cli.md."""

    v: int
    answer: str | None
    outcome: RunOutcome
    settled_by: SettledBy | None
    winner: str | None
    answers: dict[str, str]
    votes: list[BareVote]
    dissent: list[BareVote]
    presented: Presented | None
    duration_s: float
    rounds: int
    failures: dict[str, Failure]
    thread_id: str
    usage: dict[str, Usage]
    output: NotRequired[Any]  # there only when the policy has an output type


class Folded(TypedDict):
    """The part of the state that events give."""

    labels: dict[str, str]
    round: int
    epoch: int
    rounds: int
    answers: dict[str, Answer]
    votes: dict[str, Vote]
    ballots: list[Vote]
    failures: dict[str, Failure]
    usage: dict[str, Usage]
    winner: str | None
    settled_by: SettledBy | None
    dissent: list[Vote]
    presented: Presented | None
    output: Output | None


def folded(state: TeamState) -> Folded:
    """Return the part of a machine's state that events give."""
    return Folded(
        labels=state["labels"],
        round=state["round"],
        epoch=state["epoch"],
        rounds=state["rounds"],
        answers=state["answers"],
        votes=state["votes"],
        ballots=state["ballots"],
        failures=state["failures"],
        usage=state["usage"],
        winner=state["winner"],
        settled_by=state["settled_by"],
        dissent=state["dissent"],
        presented=state["presented"],
        output=state["output"],
    )


def result_of(
    state: TeamState | Folded,
    *,
    outcome: RunOutcome,
    answer: str | None,
    seconds: float,
    thread_id: str,
) -> ResultDict:
    """Return the result object of a run.

    Args:
        state: The machine's state, or what the events say of it.
        outcome: How the run ended.
        answer: The final answer, byte for byte.
        seconds: How long it took.
        thread_id: Its thread.
    """
    agents = list(state["labels"].values())
    usage = {agent: state["usage"].get(agent, no_usage()) for agent in agents}
    total = no_usage()
    for one in usage.values():
        total = add_usage(total, one)
    result = ResultDict(
        v=RESULT_VERSION,
        answer=answer,
        outcome=outcome,
        settled_by=state["settled_by"],
        winner=state["winner"],
        answers={a: state["answers"][a]["text"] for a in agents if a in state["answers"]},
        votes=[_bare(state["votes"][a]) for a in agents if a in state["votes"]],
        dissent=[_bare(vote) for vote in state["dissent"]],
        presented=state["presented"],
        duration_s=round(seconds, 6),
        rounds=state["rounds"],
        failures=dict(state["failures"]),
        thread_id=thread_id,
        usage={"total": total, **usage},
    )
    output = state.get("output")
    if output is not None:
        result["output"] = output["value"]
    return result


def _bare(vote: Vote) -> BareVote:
    bare = BareVote(voter=vote["voter"], candidate=vote["candidate"], reason=vote["reason"])
    if "ranking" in vote:
        bare["ranking"] = list(vote["ranking"])
    return bare
