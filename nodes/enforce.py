"""`enforce`: answer a try that does not count, so that the next one may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import ToolCall
from langgraph.runtime import Runtime

from .agent_turn import AgentTurn, TurnNode
from .events import ActionRefused
from .live import Desk
from .member import Member
from .policy import PolicyFields
from .prompts import reminder
from .turn import Flaw, TurnState, ending


def enforce(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that tells an agent's model what was wrong, or ends its turn as failed.

    Every call of the reply gets a result of its own; a broken stream leaves nothing to answer.
    """

    async def enforce(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        turn = AgentTurn(state, runtime, member, policy, desk)
        flaw = state["flaw"]
        assert flaw is not None
        if flaw["soft"]:
            return turn.hurried()
        turn.emit(ActionRefused(**turn.who(), what=flaw["what"], why=flaw["why"]))
        tries = turn.tries + 1
        if tries >= policy.attempts:
            if turn.is_released:
                return {"tries": tries, **turn.released()}
            why = f"{flaw['what']}: {flaw['why']}"
            failed = ending("failed", why, kind=flaw["kind"] or "protocol")
            return {"tries": tries, **turn.ended(failed)}
        return {"tries": tries, "transcript": _answers(flaw, turn)}

    return enforce


def _answers(flaw: Flaw, turn: AgentTurn) -> list[AnyMessage]:
    if flaw["kind"] is not None:
        return []
    if not flaw["calls"]:
        return [HumanMessage(reminder(turn.legal, turn.policy))]
    return tool_errors(flaw["calls"], flaw["why"])


def tool_errors(calls: Sequence[ToolCall], why: str) -> list[AnyMessage]:
    """Return a result that says `why` for each of the calls: none may stay unanswered."""
    return [
        ToolMessage(why, tool_call_id=call["id"] or "", name=call["name"], status="error")
        for call in calls
    ]
