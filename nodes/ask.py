"""`ask`: a question comes in, and everything that belongs to the one before is cleared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.runtime import Runtime

from ..backends.errors import UserError
from .events import RunStarted
from .live import Desk
from .machine import MachineNode, merged
from .member import Member
from .policy import Policy
from .state import Phase, TeamState, cleared, no_output


def ask(
    members: Sequence[Member],
    policy: Policy,
    desk: Desk,
    graph: str,
    *,
    phase: Phase = "coordinate",
) -> MachineNode:
    """Return the node that begins a run.

    Args:
        members: The team, in registration order.
        policy: The policy, told in the first event.
        desk: Where the live side of runs is found.
        graph: The graph's name.
        phase: What rounds ask for until another node says otherwise.

    Raises:
        UserError: When the last message is no question.
    """
    labels = {f"agent{number}": member.id for number, member in enumerate(members, 1)}
    agents = told_members(members)

    async def ask(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        question = _question(state)
        info = runtime.execution_info
        run = info.task_id if info else ""
        update: dict[str, Any] = {
            "run": run,
            "nonce": hashlib.sha256(run.encode()).hexdigest()[:12],
            "labels": labels,
            "round": state.get("round", 0),
            "epoch": state.get("epoch", 0) + 1,
            **cleared(),
            "phase": phase,
            "output": no_output(policy.output_type),
        }
        begun = merged(state, update)
        event = RunStarted(question=question, agents=agents, policy=policy.describe(), graph=graph)
        desk.live(runtime, begun).emit(runtime, begun, event)
        return update

    return ask


def told_members(members: Sequence[Member]) -> list[dict[str, str]]:
    """Return what the first event of a run tells of each agent."""
    return [
        {"id": m.id, "provider": m.backend.provider_name, "model": m.backend.model} for m in members
    ]


def _question(state: TeamState) -> str:
    messages = state.get("messages", [])
    if not messages or not isinstance(messages[-1], HumanMessage):
        raise UserError("There is no question: the last message must be a human one.")
    if not messages[-1].text.strip() and isinstance(messages[-1].content, str):
        raise UserError("The question is empty.", hint="Ask something.")
    return messages[-1].text
