"""An agent's turn as a machine of its own, which `xray` drawing opens."""

from __future__ import annotations

from functools import cache
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from ..nodes.act import act
from ..nodes.enforce import enforce
from ..nodes.live import Desk
from ..nodes.member import Member
from ..nodes.policy import PolicyFields
from ..nodes.state import TurnOutput
from ..nodes.think import think
from ..nodes.turn import TurnInput, TurnState
from ..nodes.use_tools import use_tools
from .nobody import Nobody
from .transitions import TurnVerdict, turn_verdict


def agent_node(
    member: Member, policy: PolicyFields, desk: Desk
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the subgraph that plays one agent's turn.

    Args:
        member: The agent.
        policy: The policy.
        desk: Where the live side of runs is found; one for all nodes of a graph.
    """
    return _drawn() if isinstance(member.backend, Nobody) else _played(member, policy, desk)


@cache
def _drawn() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return what all turns look like: to build one takes LangGraph some milliseconds."""
    return _played(Member("nobody", Nobody()), PolicyFields(), Desk())


def _played(
    member: Member, policy: PolicyFields, desk: Desk
) -> CompiledStateGraph[Any, Any, Any, Any]:
    async def turned(state: TurnState) -> TurnVerdict:
        return turn_verdict(state)

    graph = StateGraph(TurnState, input_schema=TurnInput, output_schema=TurnOutput)
    graph.add_node("think", think(member, policy, desk))
    graph.add_node("enforce", enforce(member, policy, desk))
    graph.add_node("use_tools", use_tools(member, policy, desk))
    graph.add_node("act", act(member, policy, desk))

    graph.add_edge(START, "think")
    graph.add_conditional_edges(
        "think", turned, {"acted": "act", "no_action": "enforce", "tool_calls": "use_tools"}
    )
    graph.add_edge("enforce", "think")
    graph.add_edge("use_tools", "think")
    graph.add_edge("act", END)
    return graph.compile(name="turn")
