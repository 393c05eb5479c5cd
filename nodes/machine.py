"""What the nodes of the machine have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langgraph.runtime import Runtime

from .state import TeamState

MachineNode = Callable[[TeamState, Runtime[Any]], Awaitable[dict[str, Any]]]
"""A node of the machine: state and runtime in, an update of the state out."""


def merged(state: TeamState, update: dict[str, Any]) -> TeamState:
    """Return the state as it will be once `update` is written."""
    return {**state, **update}  # type: ignore[typeddict-item]
