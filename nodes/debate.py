"""`debate`: no winner, so the ballots are shown with their reasons, and everybody votes again."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .events import DebateOpened, Verdict
from .live import Desk
from .machine import MachineNode, merged
from .policy import PolicyFields
from .settle import ballots_of
from .state import Phase, TeamState


def debate(policy: PolicyFields, desk: Desk, *, then: Phase | None = None) -> MachineNode:
    """Return the node that opens a debate round.

    Args:
        policy: Which ballots count.
        desk: Where the live side of runs is found.
        then: What rounds ask for from now on; None leaves it as it is.
    """

    async def debate(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        live.emit(runtime, state, Verdict(verdict="no_consensus"))
        update: dict[str, Any] = {
            "ballots": ballots_of(state, policy),
            "debates": state["debates"] + 1,
            "epoch": state["epoch"] + 1,
            "votes": {},
            "abstained": {},
            "opened": 0,
            "phase": then or state["phase"],
        }
        event = DebateOpened(ballots=update["ballots"])
        live.emit(runtime, merged(state, update), event)
        return update

    return debate
