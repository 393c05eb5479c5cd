"""`act`: a turn's ending becomes its outcome, and a new answer releases the peers."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .agent_turn import AgentTurn, TurnNode
from .events import AgentsReleased
from .live import Desk
from .member import Member
from .policy import PolicyFields
from .state import Outcome
from .turn import TurnState


def act(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that ends an agent's turn.

    It comes after the turn was stored: a peer is never stopped for an answer that could get lost.
    """

    async def act(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        turn = AgentTurn(state, runtime, member, policy, desk)
        end = state["ending"]
        assert end is not None
        acted = end["outcome"] in ("new_answer", "vote")
        turn.tell_ended(
            end["outcome"],
            why="" if acted else end["text"],
            kind=end["kind"],
            usage=turn.spent,
        )
        if end["outcome"] == "new_answer" and policy.on_new_answer == "cancel":
            released = turn.round.release(member.id)
            if released:
                turn.emit(AgentsReleased(agents=released, because_of=member.id))
        turn.round.turns.pop(member.id, None)
        outcome = Outcome(
            agent=member.id,
            round=state["round"],
            epoch=state["epoch"],
            outcome=end["outcome"],
            text=end["text"],
            candidate=end["candidate"],
            kind=end["kind"],
            usage=turn.spent,
        )
        return {"outcomes": [outcome]}

    return act
