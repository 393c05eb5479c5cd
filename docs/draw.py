"""Redraw the README's diagram and the pictures in docs/img: `python docs/draw.py`.

A picture ends with a comment that names the drawing it was made from, so that a test can tell
whether it is up to date: the same drawing may be rendered differently by a newer renderer.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from massgraph import Agent, Team
from massgraph.backends.scripted import ScriptedBackend
from massgraph.graphs.coordination import TeamGraph
from massgraph.graphs.drawing import mermaid, svg

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PICTURES = {ROOT / "docs/img/team.svg": False, ROOT / "docs/img/team-xray.svg": True}
"""Each picture, and whether its agents are open."""

BLOCK = re.compile(r"(<!-- drawing -->\n).*?(<!-- /drawing -->)", re.DOTALL)


def team() -> TeamGraph:
    """Return the graph that the documentation shows."""
    backend = ScriptedBackend([{"new_answer": "42"}])
    return Team(
        agents=[Agent(id=name, backend=backend) for name in ("alice", "bob", "carol")]
    ).compile()


def block(graph: TeamGraph) -> str:
    """Return what stands between the marks of the README."""
    return f"```mermaid\n{mermaid(graph, xray=False)}```\n"


def mark(graph: TeamGraph, *, xray: bool) -> str:
    """Return the comment that a picture of this graph ends with."""
    digest = hashlib.sha256(mermaid(graph, xray=xray).encode()).hexdigest()
    return f"<!-- drawing {digest} -->\n"


def main() -> None:
    """Write the README's block, if there is one, and the pictures."""
    graph = team()
    for path, xray in PICTURES.items():
        path.write_text(f"{svg(graph, xray=xray)}\n{mark(graph, xray=xray)}", encoding="utf-8")
    if README.exists():
        text = README.read_text(encoding="utf-8")
        README.write_text(BLOCK.sub(rf"\1{block(graph)}\2", text), encoding="utf-8")


if __name__ == "__main__":
    main()
