"""Steps of a thread: what is stored after each superstep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.base import CheckpointTuple

from .backends.errors import StoreError
from .nodes.state import TeamState
from .store.complaints import AwayError
from .store.stored import TURNS

if TYPE_CHECKING:
    from .store.base import Store

BRANCH = "branch:to:"
"""How LangGraph names the channel that starts a node."""

START = -2
"""What comes before the number of a thread's first checkpoint, the first question's input."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a thread held after one superstep.

    Args:
        number: LangGraph's number of the superstep; it grows through all runs of a thread.
        at: When it was stored, as an ISO 8601 time.
        next: The nodes that came next; none where a run was over.
        state: The machine's state.
        checkpoint_id: Its id.
        damage: What is wrong with it; nothing else is known of it then, and it can't be forked.
    """

    number: int
    at: str
    next: tuple[str, ...]
    state: TeamState
    checkpoint_id: str
    damage: str | None = None

    @classmethod
    def of(cls, found: CheckpointTuple) -> Step:
        """Return the step that a checkpoint is."""
        values = found.checkpoint["channel_values"]
        ahead = sorted(name.removeprefix(BRANCH) for name in values if name.startswith(BRANCH))
        state = {key: value for key, value in values.items() if ":" not in key}
        number = found.metadata.get("step", 0)
        return cls(
            number, found.checkpoint["ts"], tuple(ahead), cast("Any", state), found.checkpoint["id"]
        )

    @property
    def question(self) -> str:
        """The question that was asked last by then; a thread may have had others since."""
        humans = [one for one in self.state.get("messages", []) if one.type == "human"]
        return humans[-1].text if humans else ""


async def steps_of(store: Store, thread_id: str) -> list[Step]:
    """Return the steps of a thread, the first one first, damaged ones too; inputs are none.

    Raises:
        StoreError: When the store cannot be read.
    """
    config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    try:
        found = [one async for one in store.saver.alist(config)][::-1]
    except AwayError:
        raise
    except StoreError:
        return await _whole_and_damaged(store, thread_id)
    return [Step.of(one) for one in found if one.metadata.get("source") != "input"]


async def are_left(store: Store, thread_id: str) -> bool:
    """Return whether a thread without a row has steps: the row was lost, or a fork was killed.

    Those of another program's graph, in the same database, are none of ours.
    """
    if not await store.checkpoints(thread_id):
        return False
    steps = await steps_of(store, thread_id)
    return not steps or any(one.damage is not None or TURNS in one.state for one in steps)


async def _whole_and_damaged(store: Store, thread_id: str) -> list[Step]:
    """Return the steps of a thread, each read by itself."""
    steps: list[Step] = []
    number, first = START, True
    for checkpoint_id in await store.checkpoints(thread_id):
        number += 1
        found = await _whole_or_damage(store, thread_id, checkpoint_id)
        if isinstance(found, str):
            steps.append(Step(number, "", (), cast("Any", {}), checkpoint_id, damage=found))
            continue
        if found is None:
            continue
        known = found.metadata.get("step", number)
        if first:  # those before it are counted backwards
            steps = [replace(one, number=one.number + known - number) for one in steps]
        number, first = known, False
        if found.metadata.get("source") != "input":
            steps.append(Step.of(found))
    return steps


async def _whole_or_damage(
    store: Store, thread_id: str, checkpoint_id: str
) -> CheckpointTuple | str | None:
    """Return a checkpoint, or what is wrong with it; None where it has gone meanwhile."""
    config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    config["configurable"]["checkpoint_id"] = checkpoint_id
    try:
        return await store.saver.aget_tuple(config)
    except AwayError:
        raise
    except StoreError as exc:
        return str(exc)
