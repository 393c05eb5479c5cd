"""The two actions: when they are legal, how a model sees them, and what its calls amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..backends.base import ToolSchema
from .ballot import CHOICE, RANKING, ballot_schema, read_ranking
from .novelty import Closest, Novelty, too_close
from .novelty import fold_space as fold_space
from .policy import PolicyFields
from .rules import is_ranked
from .state import TeamState
from .turn import TurnInput
from .visibility import visible, votes_only

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
        ranked: Whether a vote is a ranking of them.
    """

    answer: bool
    targets: Mapping[str, str]
    ranked: bool = False

    @property
    def nothing(self) -> bool:
        """Whether there is nothing that it may do."""
        return not self.answer and not self.targets


def legal_actions(state: TeamState | TurnInput, agent: str, policy: PolicyFields) -> Legal:
    """Derive from the state what an agent may do now."""
    alone = len(state["labels"]) == 1
    if alone and policy.single == "answer" and state["answers"]:
        return Legal(answer=False, targets={})
    left = state["drafts"].get(agent, 0) < policy.max_answers_per_agent
    seen = {label: answer["agent"] for label, answer in visible(state, agent, policy).items()}
    not_oneself = policy.self_votes == "forbid" and not alone
    targets = {label: a for label, a in seen.items() if not (not_oneself and a == agent)}
    return Legal(
        answer=left and not votes_only(state, policy),
        targets={} if state["phase"] == "answer" else targets,
        ranked=is_ranked(policy.rule),
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
    return (*answer, _vote(legal)) if legal.targets else answer


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


def _vote(legal: Legal) -> ToolSchema:
    what = (
        "Rank the current answers, the best first. Use it when an answer is good enough."
        if legal.ranked
        else "Vote for the current answer that is best. Use it when an answer is good enough."
    )
    return ToolSchema(VOTE, what, ballot_schema(list(legal.targets), ranked=legal.ranked))


@dataclass(frozen=True, slots=True)
class Answered:
    """A legal new answer."""

    text: str
    type: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class Voted:
    """A legal vote; with a ranking under a ranked rule, whose first is the candidate."""

    candidate: str
    reason: str
    ranking: tuple[str, ...] = ()
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
    novelty: Novelty | None = "exact",
) -> Judgement:
    """Return what the tool calls of one reply amount to.

    A reply counts when it is nothing but calls of own tools, or nothing but one legal action.

    Args:
        calls: The calls, in order.
        legal: What the agent may do.
        own_tools: The names of the tools that were offered besides the actions.
        answers: The answers that the agent sees: label -> text.
        novelty: How close a new answer may be to those; None for as close as it likes.
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
    (action,) = actions
    voted = action["name"] == VOTE
    return _judge_vote(action, legal) if voted else _judge_answer(action, legal, answers, novelty)


def _judge_vote(call: ToolCall, legal: Legal) -> Voted | Refused:
    given = call["args"].get("reason", "")
    reason = given if isinstance(given, str) else str(given)
    if legal.ranked:
        ranking = read_ranking(call["args"].get(RANKING), legal.targets)
        if isinstance(ranking, str):
            return Refused(VOTE, ranking)
        return Voted(ranking[0], reason, ranking)
    label = call["args"].get(CHOICE)
    if not isinstance(label, str) or label not in legal.targets:
        return Refused(VOTE, f"You can't vote for {label!r}; you can for: {_words(legal.targets)}.")
    return Voted(legal.targets[label], reason)


def _judge_answer(
    call: ToolCall, legal: Legal, answers: Mapping[str, str], novelty: Novelty | None
) -> Answered | Refused:
    text = call["args"].get(ANSWER_ARGUMENT)
    if not isinstance(text, str) or not text.strip():
        return Refused(NEW_ANSWER, f"{ANSWER_ARGUMENT} must be the answer's text, not empty.")
    near = None if novelty is None else too_close(text, answers, novelty)
    return Refused(NEW_ANSWER, _too_close(near, legal)) if near else Answered(text)


def _too_close(near: Closest, legal: Legal) -> str:
    """Return what is wrong with an answer that is too close to another, and what to do."""
    instead = "vote for it, or give" if near.label in legal.targets else "give"
    if near.equal:
        return f"This answer is there already, as {near.label}'s: {instead} a different one."
    shared, most = (f"{round(100 * share, 1):g}%" for share in (near.overlap, near.limit))
    return (
        f"This answer is too close to {near.label}'s: {shared} of the words of the two are in "
        f"both, and at most {most} may be. So {instead} one that says something else."
    )


def _words(names: Mapping[str, str] | frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(names, key=lambda n: (len(n), n))) or "none"
