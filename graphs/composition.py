"""CoordinationGraph: LangGraph's StateGraph for a team, with room for nodes of one's own.

    graph = coordination(members, policy)
    graph.insert("critic", critic, between=("restart", "open_round"))
    team = graph.compile()

What is wrong with a graph is told when it is compiled, by what to change (checks.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Self

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph

from ..backends.errors import UserError
from ..nodes.live import Desk, LiveRun
from ..nodes.member import Member
from ..nodes.policy import Policy
from ..nodes.state import Question, TeamState
from .checks import check_graph, check_state
from .limits import recursion_limit
from .names import check_names

TeamGraph = CompiledStateGraph[TeamState, LiveRun, Question, TeamState]
"""A compiled graph of a team."""

GraphFactory = Callable[[Sequence[Member], Policy], "CoordinationGraph"]
"""What makes the graph of a team: (members, policy) -> graph."""

Router = Callable[[Any], Awaitable[str]]


class CoordinationGraph(StateGraph[TeamState, LiveRun, Question, TeamState]):
    """A graph in which a team coordinates.

    Args:
        members: The team, in registration order.
        policy: How it coordinates.
        name: The graph's name.
        state: TeamState, or a person's extension of it: keys of its own are theirs to write.

    Raises:
        UserError: When there are no members, their ids do not fit, or the policy names others.
    """

    def __init__(
        self,
        members: Sequence[Member],
        policy: Policy,
        *,
        name: str = "team",
        state: type[TeamState] = TeamState,
    ) -> None:
        check_names([member.id for member in members], policy)
        check_state(state)
        super().__init__(state, context_schema=LiveRun, input_schema=Question)
        self.members = tuple(members)
        self.policy = policy
        self.name = name
        self.desk = Desk()

    @property
    def by_id(self) -> Mapping[str, Member]:
        """The members by their ids."""
        return {member.id: member for member in self.members}

    def add_node(self, node: Any, action: Any = None, **more: Any) -> Self:
        """Add a node; see LangGraph's `StateGraph.add_node`.

        Raises:
            UserError: When its name is taken, or can't be one.
        """
        name = node if isinstance(node, str) else getattr(node, "__name__", "")
        self._check_free(name)
        try:
            return super().add_node(node, action, **more)
        except ValueError as exc:
            raise UserError(f"The node {name!r} can't be added: {exc}") from exc

    def _check_free(self, name: str) -> None:
        if name in self.nodes:
            raise UserError(
                f"The graph {self.name!r} has a node {name!r} already; "
                "agents and nodes need names of their own."
            )

    def insert(
        self,
        name: str,
        node: Callable[..., Awaitable[Any]],
        *,
        between: tuple[str, str],
        path: Router | None = None,
        path_map: dict[Hashable, str] | None = None,
    ) -> Self:
        """Put a node of one's own on the way from one node to another.

        Every edge between the two leads to the new node, under the label that it had; from there
        the way goes on as before, or as `path` decides.

        Args:
            name: The new node's name.
            node: An async function from the state to an update of it, or a compiled graph.
            between: The two nodes, in the direction of the edge.
            path: Decides where the way goes on: from the state to a label.
            path_map: Label -> node, for `path`.

        Raises:
            UserError: When no edge leads from the one to the other, or the name is taken.
        """
        if path is None and path_map is not None:
            raise UserError(f"The path map of {name!r} needs a path: who says which label it is?")
        self._check_way(between)
        self.add_node(name, node)
        self.reroute(between, name)
        if path is None:
            self.add_edge(name, between[1])
        else:
            self.add_conditional_edges(name, path, path_map)
        return self

    def reroute(self, between: tuple[str, str], to: str) -> Self:
        """Let every edge between two nodes lead to a third one.

        Args:
            between: The two nodes, in the direction of the edge.
            to: Where the edges lead from now on.

        Raises:
            UserError: When no edge leads from the one to the other, or one that waits for more.
        """
        self._check_way(between)
        source, target = between
        if between in self.edges:
            self.edges.remove(between)
            self.edges.add((source, to))
        for condition, branch in self.branches.get(source, {}).items():
            ends = branch.ends or {}
            moved = {label: to if end == target else end for label, end in ends.items()}
            self.branches[source][condition] = branch._replace(ends=moved or branch.ends)
        return self

    def targets(self, source: str) -> set[str]:
        """Return the nodes that edges of a node lead to."""
        branches = self.branches.get(source, {}).values()
        ends = {end for branch in branches for end in (branch.ends or {}).values()}
        return {target for start, target in self.edges if start == source} | ends

    def _check_way(self, between: tuple[str, str]) -> None:
        source, target = between
        leads = self.targets(source)
        if any(source in sources and target == end for sources, end in self.waiting_edges):
            raise UserError(
                f"The edge from {source!r} to {target!r} waits for other nodes, too: "
                "add the edges there yourself."
            )
        if target not in leads:
            raise UserError(
                f"No edge leads from {source!r} to {target!r}; "
                f"from {source!r} it goes to: {', '.join(sorted(leads)) or 'nowhere'}."
            )

    def compile(
        self, checkpointer: Any = None, *, name: str | None = None, **more: Any
    ) -> TeamGraph:
        """Check the graph, and make it ready to run.

        Args:
            checkpointer: Where its threads are kept; None keeps none.
            name: Another name.
            **more: What LangGraph's `StateGraph.compile` takes besides.

        Raises:
            UserError: When the graph is malformed; it says what to change.
        """
        check_graph(self)
        compiled = super().compile(checkpointer, name=name or self.name, **more)
        agents = len(self.members)
        limit = recursion_limit(agents, self.policy, nodes=len(self.nodes) - agents)
        return compiled.with_config(recursion_limit=limit)
