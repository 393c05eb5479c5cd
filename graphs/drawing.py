"""Draw a graph, from the very object that runs: as data, as Mermaid text, or as a picture.

Nothing here needs a network or a browser. The first picture of a graph takes seconds; its layout
runs in a thread that leaves the interpreter to others, so on an event loop call
`await asyncio.to_thread(svg, graph)`.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from ..backends.errors import MissingError
from .flowchart import flowchart
from .shape import AnyGraph, Shape, XRay, shape


def to_json(graph: AnyGraph, *, xray: XRay = True) -> Shape:
    """Return a graph as plain data: nodes in the order in which they were added, and edges.

    Args:
        graph: A compiled graph.
        xray: Which nodes to open: all that are graphs themselves, such as agents; none; or the
            `first` of those that look the same inside.
    """
    return shape(graph, xray=xray)


def mermaid(graph: AnyGraph, *, xray: XRay = True) -> str:
    """Return a graph as the text of a Mermaid flowchart.

    Args:
        graph: A compiled graph.
        xray: Which nodes to open: all that are graphs themselves, such as agents; none; or the
            `first` of those that look the same inside.
    """
    return flowchart(shape(graph, xray=xray))


def svg(graph: AnyGraph, *, xray: XRay = True) -> str:
    """Return a graph as an SVG picture without scripts, fonts or addresses of others.

    Args:
        graph: A compiled graph.
        xray: Which nodes to open: all that are graphs themselves, such as agents; none; or the
            `first` of those that look the same inside.
    """
    picture: str = _picture(mermaid(graph, xray=xray)).svg()
    return picture.replace("background-color: transparent", "background-color: white", 1)


def png(graph: AnyGraph, *, xray: XRay = True, scale: float = 2) -> bytes:
    """Return a graph as a PNG picture on white.

    Args:
        graph: A compiled graph.
        xray: Which nodes to open: all that are graphs themselves, such as agents; none; or the
            `first` of those that look the same inside.
        scale: How many pixels make one unit of the SVG picture.
    """
    picture: bytes = _picture(mermaid(graph, xray=xray)).png(scale=scale, background="white")
    return picture


@lru_cache(maxsize=32)
def _picture(text: str) -> Any:
    """Return the drawing of a Mermaid text; it keeps what it has rendered.

    Raises:
        MissingError: When what draws is not installed.
    """
    try:
        import mermaidx  # type: ignore[import-untyped]
    except ImportError as exc:
        raise MissingError(
            "Pictures need the extra 'draw':",
            hint=f"\"{sys.executable}\" -m pip install 'massgraph[draw]'",
        ) from exc
    return mermaidx.render(text)
