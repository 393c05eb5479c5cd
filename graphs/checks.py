"""What a graph of a team must be: told when it is built, by what to change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from langgraph.channels.last_value import LastValue
from langgraph.graph import END, START
from langgraph.pregel import Pregel
from typing_extensions import is_typeddict

from ..backends.errors import UserError
from ..backends.words import did_you_mean
from ..nodes.state import TeamState
from .functions import is_many, labels_of, returned

if TYPE_CHECKING:
    from .composition import CoordinationGraph

REDUCED = {
    "outcomes": "Annotated[list[Outcome], newest_round]",
    "messages": "Annotated[list[AnyMessage], add_messages]",
}
"""Keys that several nodes write, and how a state declares them."""


def check_state(state: type[Any]) -> None:
    """Check that nodes of the machine find in a state what they read and write.

    Raises:
        UserError: When a key is missing, or one that several nodes write has no reducer.
    """
    keys = get_type_hints(state, include_extras=True)
    for key in get_type_hints(TeamState):
        if key not in keys:
            raise UserError(f"The state {state.__name__} has no {key!r}: let it extend TeamState.")
    for key, declared in REDUCED.items():
        if not any(callable(part) for part in get_args(keys[key])[1:]):
            raise UserError(
                f"{key!r} of the state {state.__name__} is written by several nodes and has no "
                f"reducer: declare it as {declared}."
            )


def check_graph(graph: CoordinationGraph) -> None:
    """Check that a graph can run, and that its drawing tells the truth.

    Raises:
        UserError: With everything that is wrong.
    """
    problems = list(_edges(graph))
    if not problems:  # what follows needs edges that lead somewhere
        problems = [*_verdicts(graph), *_ways(graph), *_writers(graph), *_unknown(graph)]
    if problems:
        raise UserError(f"The graph {graph.name!r} can't be built: {'; '.join(problems)}.")


def _edges(graph: CoordinationGraph) -> Iterator[str]:
    known = [START, END, *graph.nodes]
    for source, target in sorted(_arrows(graph)):
        for name in (source, target):
            if name not in known:
                near = did_you_mean(name, list(graph.nodes))
                yield f"an edge from {source!r} to {target!r}: there is no node {name!r}{near}"
    for source, branch in _branches(graph):
        if branch.ends is None:
            yield (
                f"the edges of {source!r} have no path map: name each label with its target, "
                "or it can't be drawn"
            )


def _verdicts(graph: CoordinationGraph) -> Iterator[str]:
    """Tell which labels of a router have no edge, and which edges no label of it."""
    for source, branch in _branches(graph):
        given, ends = labels_of(returned(branch.path)), set(branch.ends or {})
        if given is None:
            continue
        for label in sorted(given - ends, key=str):
            yield f"the verdict {label!r} of {source!r} has no edge: add it to the path map"
        for label in sorted(ends - given, key=str):
            yield f"the label {label!r} of {source!r} is no verdict of its router: take it out"


def _ways(graph: CoordinationGraph) -> Iterator[str]:
    """Tell which nodes nothing leads to, and which ones lead nowhere.

    Where a way is cut, the nodes at the cut are told, and not all those behind it.
    """
    arrows = _arrows(graph)
    reached = _from(START, arrows)
    ending = _from(END, {(target, source) for source, target in arrows})
    cut = [name for name in graph.nodes if name not in {target for _, target in arrows}]
    dead = [name for name in graph.nodes if name not in {source for source, _ in arrows}]
    lost = cut if cut or dead else [name for name in graph.nodes if name not in reached]
    stuck = dead if cut or dead else [name for name in graph.nodes if name not in ending]
    for name in lost:
        yield f"no edge leads to {name!r}: add one, or take the node out"
    for name in stuck:
        if name not in lost:
            yield (
                f"the end can't be reached from {name!r}: add an edge that leads on, or say where "
                "its Command goes (-> Command[Literal[...]])"
            )


def _from(start: str, arrows: Iterable[tuple[str, str]]) -> set[str]:
    following: dict[str, list[str]] = {}
    for source, target in arrows:
        following.setdefault(source, []).append(target)
    found, ahead = {start}, [start]
    while ahead:
        new = set(following.get(ahead.pop(), [])) - found
        found |= new
        ahead += new
    return found


def _writers(graph: CoordinationGraph) -> Iterator[str]:
    """Tell which keys nodes that run at the same time would both write."""
    for nodes in _at_once(graph):
        for one, other in combinations(sorted(nodes), 2):
            for key in sorted(_writes(graph, one) & _writes(graph, other)):
                if isinstance(graph.channels.get(key), LastValue):
                    yield (
                        f"{one!r} and {other!r} run at the same time and both write {key!r}: "
                        "give it a reducer, or the nodes an output schema without it"
                    )


def _unknown(graph: CoordinationGraph) -> Iterator[str]:
    """Tell which keys a node says it writes and the state has not: LangGraph drops them."""
    for name in graph.nodes:
        for key in sorted(_writes(graph, name) - set(graph.channels)):
            near = did_you_mean(key, sorted(graph.channels))
            yield f"{name!r} writes {key!r}, which the state has not{near}: extend the state"


def _at_once(graph: CoordinationGraph) -> Iterator[set[str]]:
    """Return the groups of nodes that follow the same node at the same time."""
    for source in {source for source, _ in graph.edges}:
        yield {target for start, target in graph.edges if start == source} - {END}
    for _, branch in _branches(graph):
        if is_many(returned(branch.path)):
            yield set((branch.ends or {}).values()) - {END}


def _writes(graph: CoordinationGraph, name: str) -> set[str]:
    """Return the keys that a node says it writes."""
    runnable = graph.nodes[name].runnable
    if isinstance(runnable, Pregel):
        return set(runnable.output_channels)
    hint = returned(runnable)
    return set(hint.__annotations__) if is_typeddict(hint) else set()


def _arrows(graph: CoordinationGraph) -> set[tuple[str, str]]:
    joins = {(source, end) for sources, end in graph.waiting_edges for source in sources}
    ends = {
        (source, end) for source, branch in _branches(graph) for end in (branch.ends or {}).values()
    }
    commands = {(name, end) for name, node in graph.nodes.items() for end in node.ends or ()}
    return set(graph.edges) | joins | ends | commands


def _branches(graph: CoordinationGraph) -> Iterator[tuple[str, Any]]:
    for source, branches in graph.branches.items():
        for branch in branches.values():
            yield source, branch
