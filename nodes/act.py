"""`act`: a turn's ending becomes its outcome, and a new answer releases the peers."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .events import AgentsReleased, TurnEnded
from .live import Desk
from .member import Member
from .policy import PolicyFields
from .state import Outcome, no_usage
from .think import TurnNode
from .turn import TurnState


def act(member: Member, policy: PolicyFields, desk: Desk) -> TurnNode:
    """Return the node that ends an agent's turn.

    It comes after the turn was stored: a peer is never stopped for an answer that could get lost.
    """

    async def act(state: TurnState, runtime: Runtime[Any]) -> dict[str, Any]:
        end = state["ending"]
        assert end is not None
        live = desk.live(runtime, state)
        current = live.open_round(state["round_id"])
        spent = state.get("spent", no_usage())
        ended = TurnEnded(
            agent=member.id,
            attempt=state.get("tries", 0) + (end["outcome"] in ("new_answer", "vote")),
            outcome=end["outcome"],
            why="" if end["outcome"] in ("new_answer", "vote") else end["text"],
            kind=end["kind"],
            seconds=round(live.now - current.turn(member.id, live.now).began, 6),
            usage=spent,
        )
        live.emit(runtime, state, ended)
        if end["outcome"] == "new_answer" and policy.on_new_answer == "cancel":
            released = current.release(member.id)
            if released:
                event = AgentsReleased(agents=released, because_of=member.id)
                live.emit(runtime, state, event)
        current.turns.pop(member.id, None)
        outcome = Outcome(
            agent=member.id,
            round=state["round"],
            epoch=state["epoch"],
            outcome=end["outcome"],
            text=end["text"],
            candidate=end["candidate"],
            kind=end["kind"],
            usage=spent,
        )
        return {"outcomes": [outcome]}

    return act
