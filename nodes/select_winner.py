"""`select_winner`: the votes stand."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .events import Verdict, WinnerSelected
from .live import Desk
from .machine import MachineNode
from .policy import PolicyFields
from .settle import dissent_of, settle
from .state import TeamState


def select_winner(policy: PolicyFields, desk: Desk) -> MachineNode:
    """Return the node that names the winner, by what, and who saw it otherwise."""

    async def select_winner(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        live.emit(runtime, state, Verdict(verdict="settled"))
        winner, settled_by = settle(state, policy)
        dissent = dissent_of(state, policy, winner)
        event = WinnerSelected(winner=winner, settled_by=settled_by, dissent=dissent)
        live.emit(runtime, state, event)
        return {"winner": winner, "settled_by": settled_by, "dissent": dissent}

    return select_winner
