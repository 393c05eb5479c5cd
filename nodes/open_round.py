"""`open_round`: everybody who owes an action is asked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from langgraph.runtime import Runtime

from .events import RoundOpened, Verdict
from .live import Desk
from .machine import MachineNode, merged
from .state import TeamState, owing_agents


def open_round(desk: Desk, *, sits_out: Collection[str] = ()) -> MachineNode:
    """Return the node that alone raises `round`.

    Args:
        desk: Where the live side of runs is found.
        sits_out: Agents that are not asked, whatever they owe.
    """

    async def open_round(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        if state["opened"]:  # the same epoch once more: somebody still owes
            live.emit(runtime, state, Verdict(verdict="unfinished"))
        info = runtime.execution_info
        asked = [agent for agent in owing_agents(state) if agent not in sits_out]
        update = {
            "round": state["round"] + 1,
            "round_id": info.task_id if info else f"{state['run']}:{state['round'] + 1}",
            "asked": asked,
            "opened": state["opened"] + 1,
        }
        live.open_round(str(update["round_id"])).state = merged(state, update)
        event = RoundOpened(asked=asked)
        live.emit(runtime, merged(state, update), event)
        return update

    return open_round
