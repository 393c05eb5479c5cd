"""The state of one agent's turn, inside its subgraph."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from langchain_core.messages import AnyMessage
from langchain_core.messages.tool import ToolCall
from typing_extensions import TypedDict  # below Python 3.12 pydantic takes no other

from .rules import Vote
from .state import Answer, FailureKind, OutcomeKind, Phase, TurnOutput, Usage


class TurnInput(TypedDict):
    """What a turn is given of the machine's state: what the agent sees, and nothing else."""

    messages: list[AnyMessage]
    run: str
    nonce: str
    labels: dict[str, str]
    round: int
    round_id: str
    phase: Phase
    epoch: int
    answers: dict[str, Answer]
    ballots: list[Vote]
    notes: dict[str, str]
    drafts: dict[str, int]
    usage: dict[str, Usage]
    limit: Literal["deadline", "budget"] | None
    elapsed: float


class Ending(TypedDict):
    """How a turn ends, before it is an outcome; `ranking` is a ranked vote's."""

    outcome: OutcomeKind
    text: str
    candidate: str | None
    kind: FailureKind | None
    ranking: NotRequired[list[str]]


class Flaw(TypedDict):
    """Why the last try does not count: `soft` is no fault, the rest costs a try.

    `calls` are the calls that must be answered; `wait_s` is how long to wait before the next try.
    """

    kind: FailureKind | None
    what: str
    why: str
    soft: bool
    calls: list[ToolCall]
    wait_s: float


class TurnState(TurnInput, TurnOutput, total=False):
    """A turn while it runs."""

    transcript: Annotated[list[AnyMessage], operator.add]  # think, enforce, use_tools
    started: bool  # think: the turn has begun
    tries: int  # think (retries), enforce: tries that did not count
    tool_steps: int  # use_tools
    hurried: bool  # enforce: the soft deadline has passed
    tool_calls: list[ToolCall]  # think: own tools to run; use_tools: none
    flaw: Flaw | None  # think: why the last reply does not count
    ending: Ending | None  # think, enforce, use_tools: how the turn ends
    spent: Usage  # think: what its calls have used


def ending(
    outcome: OutcomeKind,
    text: str,
    *,
    candidate: str | None = None,
    ranking: Sequence[str] = (),
    kind: FailureKind | None = None,
) -> Ending:
    """Return an ending."""
    end = Ending(outcome=outcome, text=text, candidate=candidate, kind=kind)
    if ranking:
        end["ranking"] = list(ranking)
    return end
