"""What is stored of a run that was cut, and how it goes on from there."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langgraph.types import StateSnapshot

from ..backends.errors import UserError
from ..nodes.ask import told_members
from ..nodes.collect_votes import outcomes_of_round
from ..nodes.events import RunResumed
from ..nodes.journal import CallKey, Journal
from ..nodes.ledger import Ledger
from ..nodes.live import LiveRun
from ..nodes.member import Member
from ..nodes.meter import usage_of
from ..nodes.result import ResultDict, folded, result_of
from ..nodes.state import Outcome, TeamState, Usage, add_usage, no_usage

if TYPE_CHECKING:
    from .composition import CoordinationGraph, TeamGraph

COLLECTING = frozenset({"collect_votes", "collect_answers", "collect_answer"})
"""What the prebuilt graphs call the node that collects a round."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a thread holds of its last run.

    Args:
        thread_id: The thread.
        checkpoint_id: The newest checkpoint.
        state: The machine's state, after the last step that is stored, and after each node of the
            next one that is done.
        outcomes: Of turns that had ended in the round that was cut, and are not collected.
        next: The nodes of the step that was cut; none when nothing was.
        begun: Whether `ask` has begun the last run; else the state is that of the run before it.
        spent: What turns that had begun in the round that was cut have used, by their agents.
        cut: The places in the checkpoints of agents' nodes that were cut, each with its agent.
    """

    thread_id: str
    checkpoint_id: str
    state: TeamState
    outcomes: list[Outcome]
    next: tuple[str, ...]
    begun: bool
    spent: dict[str, Usage]
    cut: list[tuple[str, str]]

    @classmethod
    async def of(cls, graph: TeamGraph, config: Any) -> Saved | None:
        """Return what is stored under a config, or None."""
        snapshot = await graph.aget_state(config, subgraphs=True)
        checkpoint_id = snapshot.config["configurable"].get("checkpoint_id")
        if checkpoint_id is None:
            return None
        state = _with_what_is_done(snapshot)
        # LangGraph's own `next` leaves out what has been done, and only not been taken in yet.
        ahead = tuple(task.name for task in snapshot.tasks)
        undone = {task.name for task in snapshot.tasks if task.result is None}
        found = [one for one in _outcomes(snapshot) if one["round"] == state.get("round")]
        if COLLECTING & undone:
            found = outcomes_of_round(state)
        begun = bool(state.get("run")) and "__start__" not in ahead and "ask" not in undone
        found.sort(key=lambda outcome: outcome["agent"])
        spent, cut = dict(_spent(snapshot)), list(_cut(snapshot))
        thread_id = snapshot.config["configurable"]["thread_id"]
        return cls(thread_id, checkpoint_id, state, found, ahead, begun, spent, cut)

    @property
    def question(self) -> str:
        """The last question."""
        humans = [message for message in self.state["messages"] if message.type == "human"]
        return humans[-1].text if humans else ""

    @property
    def ended(self) -> bool:
        """Whether the last run is over; its last step may still have to be taken in."""
        return self.begun and self.state.get("outcome") is not None

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

    def bring_back(self, live: LiveRun, *, elapsed: float, stops_peers: bool) -> None:
        """Tell a run's live side what it knew: the time, and who has ended a turn.

        Args:
            live: The new attempt's.
            elapsed: Seconds that the run has taken at least.
            stops_peers: Whether a new answer makes the work of peers worthless.
        """
        state = self.state
        live.begin(max(elapsed, state.get("elapsed", 0.0)))
        if not self.outcomes:
            return
        round_ = live.open_round(state["round_id"])
        for outcome in self.outcomes:
            round_.note(outcome)
        if stops_peers and state["phase"] != "answer" and round_.answered:
            round_.released.set()

    async def count(
        self, ledger: Ledger, members: Mapping[str, Member], journal: Journal | None
    ) -> None:
        """Tell a run's ledger what was used in the round that was cut.

        That is what turns have used that have ended, and those that had begun; and what stands in
        the journal alone: replies that were stored, and nobody acted on. Their nodes take them from
        there; until then a budget would not know of them, and allow calls of others.

        Args:
            ledger: The new attempt's.
            members: The team, by their ids.
            journal: Where its replies are stored, if they are.

        Raises:
            StoreError: When the journal cannot be read, or is damaged.
        """
        ended = [(outcome["agent"], outcome["usage"]) for outcome in self.outcomes]
        for agent, usage in [*self.spent.items(), *ended]:
            before = self.state["usage"].get(agent, no_usage())
            ledger.learn(agent, add_usage(before, usage))
        for agent, place in self.cut:
            if journal is None or agent not in members:
                continue  # a graph of a person's own counts for itself
            for number in itertools.count(1):
                stored = await journal.find(CallKey(self.thread_id, place, number))
                if stored is None:
                    break
                ledger.paid(agent, usage_of(stored, members[agent].backend))

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


def _with_what_is_done(snapshot: StateSnapshot) -> TeamState:
    """Return the state with the updates of nodes that are done, and told their events already."""
    state: Any = dict(snapshot.values)
    for task in snapshot.tasks:
        update: Any = task.result
        if isinstance(update, dict):
            said = {"messages": [*state.get("messages", []), *update.get("messages", [])]}
            state.update({k: v for k, v in update.items() if k != "outcomes"} | said)
    return cast("TeamState", state)


def _outcomes(snapshot: StateSnapshot) -> Iterator[Outcome]:
    """Give out the outcomes of turns that had ended in the step that was cut.

    A turn may have ended for its own subgraph, and not been taken in by the graph around it.
    """
    for task in snapshot.tasks:
        inside = task.state
        ended: list[Any] = [task.result]
        if task.result is None and isinstance(inside, StateSnapshot):
            ended = [step.result for step in inside.tasks] or [inside.values]
        for update in ended:
            if isinstance(update, dict):
                yield from update.get("outcomes", [])


def _spent(snapshot: StateSnapshot) -> Iterator[tuple[str, Usage]]:
    """Give out what the turns that were cut have used, by their agents."""
    for task in snapshot.tasks:
        inside = task.state
        if task.result is not None or not isinstance(inside, StateSnapshot):
            continue
        for update in [inside.values, *(step.result for step in inside.tasks)]:
            if isinstance(update, dict) and "spent" in update:
                yield task.name, update["spent"]


def _cut(snapshot: StateSnapshot) -> Iterator[tuple[str, str]]:
    """Give out the places of nodes within agents' subgraphs that were cut, with their agents.

    A place is what LangGraph calls `checkpoint_ns`: each level's node and its task's id.
    """
    for task in snapshot.tasks:
        inside = task.state
        if task.result is not None or not isinstance(inside, StateSnapshot):
            continue
        within = inside.config["configurable"]["checkpoint_ns"]
        for step in inside.tasks:
            if step.result is None:
                yield task.name, f"{within}|{step.name}:{step.id}"
