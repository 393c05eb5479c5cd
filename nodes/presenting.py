"""What whoever writes the final answer is told: everything, with real names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from ..backends.fold import Turn
from ..backends.prefix import with_tail
from .enforce import tool_errors
from .fence import fence
from .member import Member
from .notes import shown_notes
from .policy import PolicyFields
from .prompts import system_message
from .state import TeamState
from .templates import message

Task = Literal["present", "synthesize", "restate"]
"""The winner writes the answer, somebody merges all answers, or a stored answer gets a form."""


def present_messages(
    state: TeamState,
    member: Member,
    policy: PolicyFields,
    task: Task = "present",
    *,
    form: str = "",
) -> list[AnyMessage]:
    """Return what the one who writes the final answer is sent.

    Args:
        state: The state of a settled run.
        member: Who writes it.
        policy: Whose words are used.
        task: What it does.
        form: What is asked of the form of the answer, if anything is.
    """
    own, restated = policy.templates, task == "restate"
    *history, question = state["messages"]
    answers = _answers(state, [member.id] if restated else list(state["answers"]))
    notes = "" if restated else shown_notes(state, own)
    if member.backend.brief_prompts:
        parts = [notes, *answers, message(own, f"brief_{task}"), form]
    else:
        heading = message(own, "restate_answer" if restated else "present_answers")
        votes = [] if restated else _votes(state)
        voted = [message(own, "present_votes"), *votes] if votes else []
        parts = [notes, heading, *answers, *voted, _now(state, member, own, task), form]
    tail = with_tail(question.content, [part for part in parts if part])
    return [system_message(member, policy, message(own, task)), *history, tail]


def mending(turn: Turn, told: str, *, offered: bool) -> list[AnyMessage]:
    """Return a reply that does not count, and what is told about it; nothing for an empty one.

    Args:
        turn: The reply.
        told: What is told about it.
        offered: Whether there were tools to call.
    """
    if turn.tool_calls and offered:
        return [turn.message, *tool_errors(turn.tool_calls, told)]
    if not turn.text.strip():
        return []
    said = AIMessage(turn.text) if turn.tool_calls else turn.message
    return [said, HumanMessage(told)]


def _answers(state: TeamState, shown: Sequence[str]) -> list[str]:
    return [
        fence(state["nonce"], agent, state["answers"][agent]["text"])
        for agent in state["labels"].values()
        if agent in shown and agent in state["answers"]
    ]


def _votes(state: TeamState) -> list[str]:
    return [
        fence(state["nonce"], f"vote of {vote['voter']} for {vote['candidate']}", vote["reason"])
        for vote in state["votes"].values()
    ]


def _now(state: TeamState, member: Member, own: Mapping[str, str], task: Task) -> str:
    winner = state["winner"] or ""
    if task == "restate" or winner not in state["answers"]:
        return message(own, "present_now")
    name = "present_winner" if winner == member.id else "synthesize_winner"
    return message(own, name, winner=winner)
