"""The shape of a graph as plain data: its boxes and arrows, and what opens inside a box."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from langgraph.graph import END, START
from langgraph.pregel import Pregel

AnyGraph = Pregel[Any, Any, Any, Any]
XRay = bool | Literal["first"]
"""Whether to open the nodes that are graphs themselves, such as agents.

`first` opens the first one of those that look the same inside: ten agents stay readable.
"""
Kind = Literal["start", "end", "node", "graph"]
_ENDS: dict[str, Kind] = {START: "start", END: "end"}
_NAMES = {START: "START", END: "END"}


class Box(TypedDict):
    """A node: its id is unique in the whole shape; one of kind `graph` may hold what is inside."""

    id: str
    name: str
    kind: Kind
    graph: NotRequired[Shape]


class Arrow(TypedDict):
    """An edge, from id to id; a conditional one may be labelled by its verdict."""

    source: str
    target: str
    label: str | None
    conditional: bool


class Shape(TypedDict):
    """A graph, in the order in which its nodes were added."""

    nodes: list[Box]
    edges: list[Arrow]


def shape(graph: AnyGraph, *, xray: XRay = True, inside: str = "") -> Shape:
    """Return the shape of a compiled graph.

    Args:
        graph: The graph.
        xray: Which nodes to open.
        inside: What goes before all ids.
    """
    drawable = graph.get_graph()
    graphs = {name: g for name, g in graph.get_subgraphs() if isinstance(g, Pregel)}
    boxes: list[Box] = []
    opened: list[Shape] = []
    for name in drawable.nodes:
        kind: Kind = _ENDS.get(name) or ("graph" if name in graphs else "node")
        box = Box(id=inside + name, name=_NAMES.get(name, name), kind=kind)
        if xray and name in graphs:
            looks = shape(graphs[name], xray=xray)
            if xray != "first" or looks not in opened:
                box["graph"] = shape(graphs[name], xray=xray, inside=f"{inside}{name}:")
            opened.append(looks)
        boxes.append(box)
    order = {name: number for number, name in enumerate(drawable.nodes)}
    arrows = [
        Arrow(
            source=inside + edge.source,
            target=inside + edge.target,
            label=None if edge.data is None else str(edge.data),
            conditional=edge.conditional,
        )
        for edge in sorted(drawable.edges, key=lambda e: (order[e.source], order[e.target]))
    ]
    return Shape(nodes=boxes, edges=arrows)
