"""The two actions: when they are legal, how a model sees them, and what its calls amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..backends.base import ToolSchema
from .policy import PolicyFields
from .state import TeamState
from .turn import TurnInput

if TYPE_CHECKING:
    from langchain_core.messages import ToolCall

NEW_ANSWER = "new_answer"
VOTE = "vote"
ACTIONS = (NEW_ANSWER, VOTE)
ANSWER_ARGUMENT = "content"


@dataclass(frozen=True, slots=True)
class Legal:
    """What an agent may do now.

    Args:
        answer: Whether it may give a new answer.
        targets: The labels it may vote for, with the agents they stand for.
    """

    answer: bool
    targets: Mapping[str, str]

    @property
    def nothing(self) -> bool:
        """Whether there is nothing that it may do."""
        return not self.answer and not self.targets


def legal_actions(state: TeamState | TurnInput, agent: str, policy: PolicyFields) -> Legal:
    """Derive from the state what an agent may do now."""
    alone = len(state["labels"]) == 1
    if alone and policy.single == "answer" and state["answers"]:
        return Legal(answer=False, targets={})
    not_oneself = policy.self_votes == "forbid" and not alone
    return Legal(
        answer=state["drafts"].get(agent, 0) < policy.max_answers_per_agent,
        targets={
            label: author
            for label, author in state["labels"].items()
            if author in state["answers"] and not (not_oneself and author == agent)
        },
    )


def offered_tools(
    legal: Legal, own: Sequence[ToolSchema], *, brief: bool = False
) -> list[ToolSchema]:
    """Return all that an agent is offered now, in the order in which prompts are cached best.

    Providers put the tools in front of everything, so what never changes comes first: the agent's
    own tools, then new answers, then the vote with its labels (docs/adr/0007-prompt-order.md).

    Args:
        legal: What it may do.
        own: Its own tools.
        brief: For a very small model, which the order of its choices sways: the vote comes first.
    """
    actions = action_schemas(legal)
    return [*reversed(actions), *own] if brief else [*own, *actions]


def action_schemas(legal: Legal) -> tuple[ToolSchema, ...]:
    """Return the legal actions as tools; a vote can name legal labels only."""
    answer = (_NEW_ANSWER,) if legal.answer else ()
    return (*answer, _vote(legal.targets)) if legal.targets else answer


_NEW_ANSWER = ToolSchema(
    NEW_ANSWER,
    "Give a complete answer of your own, better than every current one.",
    {
        "type": "object",
        "properties": {ANSWER_ARGUMENT: {"type": "string", "description": "The whole answer."}},
        "required": [ANSWER_ARGUMENT],
        "additionalProperties": False,
    },
)


def _vote(targets: Mapping[str, str]) -> ToolSchema:
    """Return the vote; its labels, the only part that changes, come as late as they can."""
    return ToolSchema(
        VOTE,
        "Vote for the current answer that is best. Use it when an answer is good enough.",
        {
            "type": "object",
            "required": ["reason", "agent_id"],
            "additionalProperties": False,
            "properties": {
                "reason": {
                    "type": "string",
                    "description": "Why is this answer the best one?",
                },
                "agent_id": {
                    "type": "string",
                    "description": "Whose answer is best.",
                    "enum": list(targets),
                },
            },
        },
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """A legal new answer."""

    text: str
    type: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class Voted:
    """A legal vote."""

    candidate: str
    reason: str
    type: Literal["voted"] = "voted"


@dataclass(frozen=True, slots=True)
class WantsTools:
    """Calls of the agent's own tools, and of nothing else."""

    calls: tuple[ToolCall, ...]
    type: Literal["wants_tools"] = "wants_tools"


@dataclass(frozen=True, slots=True)
class Refused:
    """Calls that do not count, each with the reason, to be told to the model."""

    what: str
    why: str
    type: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Silent:
    """No call at all."""

    type: Literal["silent"] = "silent"


Judgement = Answered | Voted | WantsTools | Refused | Silent


def judge(
    calls: Sequence[ToolCall],
    legal: Legal,
    own_tools: frozenset[str],
    answers: Mapping[str, str],
) -> Judgement:
    """Return what the tool calls of one reply amount to.

    A reply counts when it is nothing but calls of own tools, or nothing but one legal action.

    Args:
        calls: The calls, in order.
        legal: What the agent may do.
        own_tools: The names of the tools that were offered besides the actions.
        answers: The current answers: agent -> text.
    """
    if not calls:
        return Silent()
    names = [call["name"] for call in calls]
    offered = (
        own_tools | ({VOTE} if legal.targets else set()) | ({NEW_ANSWER} if legal.answer else set())
    )
    what = " + ".join(names)
    for name in names:
        if name not in offered:
            return Refused(what, f"There is no tool {name!r} now; there are: {_words(offered)}.")
    actions = [call for call in calls if call["name"] in ACTIONS]
    if not actions:
        return WantsTools(tuple(calls))
    if len(actions) < len(calls):
        return Refused(what, "Use your tools first; act alone, once you have their results.")
    if len(actions) > 1:
        return Refused(what, "End your turn with exactly one call: one vote or one new_answer.")
    return _judge_action(actions[0], legal, answers)


def _judge_action(
    call: ToolCall, legal: Legal, answers: Mapping[str, str]
) -> Answered | Voted | Refused:
    args = call["args"]
    if call["name"] == VOTE:
        label, reason = args.get("agent_id"), args.get("reason", "")
        if not isinstance(label, str) or label not in legal.targets:
            return Refused(
                VOTE, f"You can't vote for {label!r}; you can for: {_words(legal.targets)}."
            )
        return Voted(legal.targets[label], reason if isinstance(reason, str) else str(reason))
    text = args.get(ANSWER_ARGUMENT)
    if not isinstance(text, str) or not text.strip():
        return Refused(NEW_ANSWER, f"{ANSWER_ARGUMENT} must be the answer's text, not empty.")
    if any(fold_space(text) == fold_space(answer) for answer in answers.values()):
        return Refused(
            NEW_ANSWER,
            "This answer is there already: vote for it, or give a different one.",
        )
    return Answered(text)


def fold_space(text: str) -> str:
    """Return `text` with each run of white space as one blank: what makes answers equal."""
    return " ".join(text.split())


def _words(names: Mapping[str, str] | frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(names, key=lambda n: (len(n), n))) or "none"
