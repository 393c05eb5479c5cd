"""`restart`: new answers are published, and all votes are cleared, in one write."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .collect_votes import outcomes_of_round
from .events import AnswersAccepted, Verdict
from .live import Desk
from .machine import MachineNode, merged
from .state import Phase, TeamState, agents_of


def restart(desk: Desk, *, then: Phase | None = None) -> MachineNode:
    """Return the node that alone changes the current answers.

    An agent whose new answer was the same as a peer's in this round keeps none of its own: its
    earlier one is replaced, and the new one stands under the peer's name.

    Args:
        desk: Where the live side of runs is found.
        then: What rounds ask for from now on; None leaves it as it is.
    """

    async def restart(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        live.emit(runtime, state, Verdict(verdict="new_answer"))
        published = {answer["agent"]: answer for answer in state["pending"]}
        replaced = {
            outcome["agent"]
            for outcome in outcomes_of_round(state)
            if outcome["outcome"] == "new_answer"
        }
        kept = {a: v for a, v in state["answers"].items() if a not in replaced} | published
        update: dict[str, Any] = {
            "answers": {agent: kept[agent] for agent in agents_of(state) if agent in kept},
            "epoch": state["epoch"] + 1,
            "votes": {},
            "abstained": {},
            "ballots": [],
            "pending": [],
            "opened": 0,
            "phase": then or state["phase"],
        }
        event = AnswersAccepted(
            answers=state["pending"],
            withdrawn=sorted((replaced & set(state["answers"])) - set(published)),
        )
        live.emit(runtime, merged(state, update), event)
        return update

    return restart
