"""What the models are told.

The stable part stands first (role, rules, conversation, question), what changes from round to
round last, and nothing changes by the clock: providers' prompt caches hit. The message with the
question is marked where the stable part ends (backends/prefix.py), for providers whose caches want
to be told; an adapter that does not look at the mark sends the same text. The words themselves
are in templates.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from ..backends.prefix import with_tail
from .actions import NEW_ANSWER, VOTE, Legal
from .fence import fence
from .member import Member
from .notes import shown_notes
from .policy import PolicyFields
from .rules import Vote, is_ranked
from .state import TeamState
from .templates import message
from .turn import TurnInput
from .visibility import Seen, visible, votes_only


def turn_messages(
    state: TurnInput | TeamState,
    member: Member,
    policy: PolicyFields,
    legal: Legal,
    transcript: Sequence[AnyMessage],
) -> list[AnyMessage]:
    """Return what an agent is sent: role, conversation, question, answers, and its turn so far."""
    seen = visible(state, member.id, policy)
    brief = member.backend.brief_prompts
    names = _brief_now(seen, legal) if brief else _now(state, policy, seen, legal)
    now = " ".join(message(policy.templates, name) for name in names)
    notes = shown_notes(state, policy.templates)
    shown = [notes, _answers(state, policy, seen), _reasons(state, policy, seen), now]
    system = system_message(member, policy, _rules(len(state["labels"]), policy))
    *history, question = state["messages"]
    return [system, *map(_unnamed, history), _with(question, shown), *transcript]


def reminder(legal: Legal, policy: PolicyFields) -> str:
    """Return what a model is told that ended its turn without a call."""
    return message(policy.templates, "no_call", tools=_tools(legal))


def notice(legal: Legal, policy: PolicyFields) -> str:
    """Return what a model is told whose time is nearly up."""
    return message(policy.templates, "hurry", tools=_tools(legal))


def system_message(member: Member, policy: PolicyFields, rules: str) -> SystemMessage:
    """Return who an agent is, and by which rules it acts."""
    if member.backend.brief_prompts:
        return SystemMessage(member.system_message or message(policy.templates, "brief_role"))
    return SystemMessage("\n\n".join(part for part in (member.system_message, rules) if part))


def _rules(count: int, policy: PolicyFields) -> str:
    """Return the rules of a run, which are the same in all its turns."""
    own = policy.templates
    sees = {"all": "sees_all", "none": "sees_none"}.get(str(policy.visibility), "sees_some")
    return message(
        own,
        "rules",
        count=count,
        sees=message(own, sees),
        ballot=message(own, "ballot_ranked" if _ranks(policy) else "ballot"),
        enough=message(own, f"enough_{policy.voting_sensitivity}"),
    )


def _answers(state: TurnInput | TeamState, policy: PolicyFields, seen: Seen) -> str:
    if not seen:
        return ""
    fences = [fence(state["nonce"], label, answer["text"]) for label, answer in seen.items()]
    return "\n\n".join([message(policy.templates, "answers"), *fences])


def _reasons(state: TurnInput | TeamState, policy: PolicyFields, seen: Seen) -> str:
    """Return the reasons of a debate, for the answers that are seen."""
    label_of = {answer["agent"]: label for label, answer in seen.items()}
    reasons = [
        fence(state["nonce"], f"reason for {_choice(ballot, label_of)}", ballot["reason"])
        for ballot in sorted(state["ballots"], key=lambda b: (b["candidate"], b["reason"]))
        if ballot["candidate"] in label_of
    ]
    return "\n\n".join([message(policy.templates, "reasons"), *reasons]) if reasons else ""


def _choice(ballot: Vote, label_of: Mapping[str, str]) -> str:
    """Return whom a ballot is for, with whom it ranks behind, as far as they are seen."""
    ranked = ballot.get("ranking", [ballot["candidate"]])
    return " before ".join(label_of[agent] for agent in ranked if agent in label_of)


def _now(
    state: TurnInput | TeamState, policy: PolicyFields, seen: Seen, legal: Legal
) -> Iterator[str]:
    """Say what to do now, by the names of templates."""
    if not seen:
        yield "unseen" if state["answers"] else "first"
    elif not legal.targets:
        yield "answer_round" if state["phase"] == "answer" else "answer_only"
    elif legal.answer:
        yield f"choose_{policy.voting_sensitivity}"
    else:
        yield "vote_round" if votes_only(state, policy) else "vote_only"
    if legal.targets and _ranks(policy):
        yield "rank"


def _brief_now(seen: Seen, legal: Legal) -> Iterator[str]:
    if legal.targets:
        yield "brief_choose"
    elif seen:
        yield "brief_improve"


def _ranks(policy: PolicyFields) -> bool:
    return is_ranked(policy.rule)


def _tools(legal: Legal) -> str:
    names = ([f"`{VOTE}`"] if legal.targets else []) + ([f"`{NEW_ANSWER}`"] if legal.answer else [])
    return " or ".join(names)


def _unnamed(told: AnyMessage) -> AnyMessage:
    """Return the message without its author's id, which stays hidden from the agents."""
    return told if told.name is None else told.model_copy(update={"name": None})


def _with(question: AnyMessage, parts: Sequence[str]) -> HumanMessage:
    """Return the question with more text behind it, whether it is text or blocks of content."""
    return with_tail(question.content, [part for part in parts if part])
