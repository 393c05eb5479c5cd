"""What is stored of a run that was cut, and how it goes on from there."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..backends.errors import UserError
from ..nodes.ask import told_members
from ..nodes.events import RunResumed
from ..nodes.live import LiveRun
from ..nodes.result import ResultDict, folded, result_of
from ..nodes.state import Outcome, TeamState, add_usage, no_usage

if TYPE_CHECKING:
    from langgraph.types import StateSnapshot

    from .composition import CoordinationGraph, TeamGraph


@dataclass(frozen=True, slots=True)
class Saved:
    """What a thread holds of its last run.

    Args:
        state: The machine's state, after the last step that is stored.
        outcomes: Of turns that had ended in the round that was cut.
        next: The nodes that come next; none when the run is over.
    """

    state: TeamState
    outcomes: list[Outcome]
    next: tuple[str, ...]

    @classmethod
    async def of(cls, graph: TeamGraph, config: Any) -> Saved | None:
        """Return what is stored under a config, or None."""
        snapshot = await graph.aget_state(config)
        if not snapshot.values:
            return None
        state: Any = snapshot.values
        return cls(state, _outcomes(snapshot), snapshot.next)

    @property
    def question(self) -> str:
        """The last question."""
        humans = [message for message in self.state["messages"] if message.type == "human"]
        return humans[-1].text if humans else ""

    @property
    def begun(self) -> bool:
        """Whether `ask` has begun the last run; else the state is that of the run before it."""
        return bool(self.state.get("run")) and not {"ask", "__start__"} & set(self.next)

    @property
    def ended(self) -> bool:
        """Whether the last run is over."""
        return not self.next

    def check_fits(self, builder: CoordinationGraph) -> None:
        """Check that a graph can go on with the run.

        Raises:
            UserError: When its agents are others, or a node that comes next is not in it.
        """
        stored, given = list(self.state["labels"].values()), list(builder.by_id)
        if stored != given:
            raise UserError(
                f"The run is one of {', '.join(stored)}, and can't go on with {', '.join(given)}."
            )
        missing = [node for node in self.next if node not in builder.nodes]
        if missing:
            raise UserError(
                f"The run goes on at {', '.join(missing)}, which the graph {builder.name!r} has "
                "not: it was begun in another graph."
            )

    def event(self, builder: CoordinationGraph) -> RunResumed:
        """Return the event with which the run goes on."""
        return RunResumed(
            question=self.question,
            agents=told_members(builder.members),
            policy=builder.policy.describe(),
            graph=builder.name,
            state=copy.deepcopy(folded(self.state)),
            outcomes=self.outcomes,
        )

    def bring_back(self, live: LiveRun, *, stops_peers: bool) -> None:
        """Tell a run's live side what it knew: who has ended a turn, and what was used.

        Args:
            live: The new attempt's.
            stops_peers: Whether a new answer makes the work of peers worthless.
        """
        state = self.state
        live.begin(state.get("elapsed", 0.0))
        if not self.outcomes:
            return
        round_ = live.open_round(state["round_id"])
        for outcome in self.outcomes:
            round_.note(outcome)
            before = state["usage"].get(outcome["agent"], no_usage())
            live.ledger.learn(outcome["agent"], add_usage(before, outcome["usage"]))
        if stops_peers and state["phase"] != "answer" and round_.answered:
            round_.released.set()

    def result(self, thread_id: str) -> ResultDict:
        """Return the result of a run that is over."""
        state = self.state
        return result_of(
            state,
            outcome=state["outcome"] or "failed",
            answer=state["answer"],
            seconds=state["elapsed"],
            thread_id=thread_id,
        )


def _outcomes(snapshot: StateSnapshot) -> list[Outcome]:
    """Return the outcomes of the tasks that had ended in the step that was cut."""
    found: list[Outcome] = []
    for task in snapshot.tasks:
        result: Any = task.result
        if isinstance(result, dict):
            found += result.get("outcomes", [])
    return sorted(found, key=lambda outcome: outcome["agent"])
