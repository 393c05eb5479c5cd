"""GivenGraph: a graph that is there already, and what a team of it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from langgraph.checkpoint.base import BaseCheckpointSaver

from .agent import Agent
from .graphs.composition import CoordinationGraph, GraphFactory, TeamGraph
from .graphs.names import id_for
from .graphs.nested import AnyGraph, GraphBackend
from .nodes.member import Member
from .nodes.policy import Policy


@dataclass(frozen=True)
class GivenGraph:
    """A graph that a team runs as it is.

    Args:
        agents: Who is in it.
        policy: How they coordinate; None where one agent is all there is.
        graph: What the team calls its graph, or makes it with.
        whole: The compiled graph, where it is one of a team.
        checkpointer: The checkpointer that it was compiled with.
    """

    agents: Sequence[Agent]
    policy: Policy | None
    graph: str | GraphFactory
    whole: TeamGraph | None
    checkpointer: BaseCheckpointSaver[Any] | None

    @classmethod
    def of(cls, graph: AnyGraph | CoordinationGraph) -> Self:
        """Return what is given: a graph of a team, or one that is a team's only agent.

        Raises:
            UserError: When the graph is malformed, or none.
        """
        compiled = graph.compile() if isinstance(graph, CoordinationGraph) else graph
        kept = getattr(compiled, "checkpointer", None)
        saver = kept if isinstance(kept, BaseCheckpointSaver) else None
        builder = getattr(compiled, "builder", None)
        if not isinstance(builder, CoordinationGraph):
            backend = GraphBackend(compiled, alone=True)
            return cls([Agent(id_for(backend.model), backend)], None, "single", None, saver)

        def as_it_is(_members: Sequence[Member], _policy: Policy) -> CoordinationGraph:
            return builder

        agents = [Agent.of(member) for member in builder.members]
        return cls(agents, builder.policy, as_it_is, cast("TeamGraph", compiled), saver)
