"""`appoint`: who presents is settled without a vote."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .events import Verdict, WinnerSelected
from .live import Desk
from .machine import MachineNode
from .state import SettledBy, TeamState


def appoint(agent: str, desk: Desk) -> MachineNode:
    """Return the node that names a presenter by itself.

    Args:
        agent: Who presents, whether it has an answer of its own or not.
        desk: Where the live side of runs is found.
    """

    async def appoint(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        live.emit(runtime, state, Verdict(verdict="settled"))
        settled_by: SettledBy = state["limit"] or "single"
        event = WinnerSelected(winner=agent, settled_by=settled_by, dissent=[])
        live.emit(runtime, state, event)
        return {"winner": agent, "settled_by": settled_by, "dissent": []}

    return appoint
