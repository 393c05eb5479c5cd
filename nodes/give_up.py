"""`give_up`: nobody has an answer."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .events import Verdict
from .finish import finish
from .live import Desk
from .machine import MachineNode
from .state import TeamState


def give_up(desk: Desk) -> MachineNode:
    """Return the node that ends a run without an answer."""

    async def give_up(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        desk.live(runtime, state).emit(runtime, state, Verdict(verdict="no_answer"))
        return await finish(desk, state, runtime, {}, outcome="no_answer", answer=None)

    return give_up
