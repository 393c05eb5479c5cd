"""The graph of a team as a list of its nodes, and the place where a run is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ..graphs.drawing import to_json

if TYPE_CHECKING:
    from ..graphs.shape import AnyGraph

HERE = "*"


def nodes_listed(graph: AnyGraph, here: Collection[str] = ()) -> Iterator[str]:
    """Give out a line a node: what comes after it, and whether a run is there.

    Args:
        graph: The graph of a team.
        here: The nodes where a run is.
    """
    shape = to_json(graph, xray=False)
    names = {box["id"]: box["name"] for box in shape["nodes"]}
    width = max(map(len, names.values()))
    for id_, name in names.items():
        after: dict[str, list[str]] = {}
        for arrow in shape["edges"]:
            if arrow["source"] == id_:
                after.setdefault(names[arrow["target"]], []).append(arrow["label"] or "")
        ahead = ", ".join(_target(target, labels) for target, labels in after.items())
        mark = HERE if id_ in here else " "
        yield f"{mark} {name:<{width}} -> {ahead}" if ahead else f"{mark} {name}"


def _target(target: str, labels: list[str]) -> str:
    said = " or ".join(label for label in labels if label)
    return f"{target} ({said})" if said else target
