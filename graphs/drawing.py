"""Draw a graph: as data, as Mermaid text, and as a picture, all from the graph that runs.

Nothing here needs a network or a browser. A picture takes seconds to lay out, in a thread that
leaves the interpreter to others: on an event loop, use `await asyncio.to_thread(svg, graph)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, NotRequired, TypedDict

from langgraph.graph import END, START
from langgraph.pregel import Pregel

AnyGraph = Pregel[Any, Any, Any, Any]

Kind = Literal["start", "end", "node", "graph"]


class NodeDict(TypedDict):
    """A box: `id` is unique in the drawing; one of kind `graph` may hold what is inside."""

    id: str
    name: str
    kind: Kind
    graph: NotRequired[GraphDict]


class EdgeDict(TypedDict):
    """An arrow between the ids of two boxes; a conditional one may carry a verdict."""

    source: str
    target: str
    label: str | None
    conditional: bool


class GraphDict(TypedDict):
    """A graph as plain data, in the order in which its nodes were added."""

    nodes: list[NodeDict]
    edges: list[EdgeDict]


def to_json(graph: AnyGraph, *, xray: bool = True) -> GraphDict:
    """Return a graph as plain data.

    Args:
        graph: A compiled graph.
        xray: Whether to open the nodes that are graphs themselves.
    """
    return _shape(graph, xray, "")


def _shape(graph: AnyGraph, xray: bool, prefix: str) -> GraphDict:
    drawable = graph.get_graph()
    inner = dict(graph.get_subgraphs())
    order = {name: number for number, name in enumerate(drawable.nodes)}
    nodes = []
    for name in drawable.nodes:
        node = NodeDict(id=prefix + name, name=_name(name), kind=_kind(name, inner))
        if xray and name in inner:
            node["graph"] = _shape(inner[name], xray, f"{prefix}{name}:")
        nodes.append(node)
    edges = sorted(drawable.edges, key=lambda e: (order[e.source], order[e.target]))
    return GraphDict(
        nodes=nodes,
        edges=[
            EdgeDict(
                source=prefix + edge.source,
                target=prefix + edge.target,
                label=None if edge.data is None else str(edge.data),
                conditional=edge.conditional,
            )
            for edge in edges
        ],
    )


def _name(name: str) -> str:
    return {START: "START", END: "END"}.get(name, name)


def _kind(name: str, inner: dict[str, Any]) -> Kind:
    if name in (START, END):
        return "start" if name == START else "end"
    return "graph" if name in inner else "node"
