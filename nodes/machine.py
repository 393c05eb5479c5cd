"""What the nodes of the machine have in common."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from langgraph.runtime import Runtime

from .state import TeamState


class MachineNode(Protocol):
    """A node of the machine: state and runtime in, an update of the state out."""

    def __call__(self, state: TeamState, *, runtime: Runtime[Any]) -> Awaitable[dict[str, Any]]:
        """Do the step."""
        ...


def merged(state: TeamState, update: dict[str, Any]) -> TeamState:
    """Return the state as it will be once `update` is written."""
    return {**state, **update}  # type: ignore[typeddict-item]
