"""`act`: a turn's ending becomes its outcome, and a new answer releases the peers."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.runtime import Runtime

from .agent_turn import AgentTurn, TurnNode
from .certainty import settled_early
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
        if "ranking" in end:
            outcome["ranking"] = end["ranking"]
        _release(turn, outcome)
        return {"outcomes": [outcome]}

    return act


def _release(turn: AgentTurn, outcome: Outcome) -> None:
    """Stop the peers whose work is worthless now: by a new answer, or since the votes settle it."""
    turn.round.note(outcome)
    reason: Literal["new_answer", "settled"] | None = None
    if outcome["outcome"] == "new_answer" and turn.stops_peers:
        reason = "new_answer"
    elif turn.policy.settle_early and _nothing_to_decide(turn):
        reason = "settled"
    released = turn.round.release(reason) if reason else []
    if reason and released:
        because_of = outcome["agent"]
        turn.emit(AgentsReleased(agents=released, because_of=because_of, reason=reason))


def _nothing_to_decide(turn: AgentTurn) -> bool:
    """Return whether the votes that are in settle the round that runs."""
    state = turn.round.so_far
    if state is None or turn.round.answered or turn.round.released.is_set():
        return False
    return turn.state["phase"] != "answer" and settled_early(state, turn.policy)
