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
from massgraph.graphs.composition import TeamGraph
from massgraph.graphs.drawing import mermaid, svg

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
IMAGES = ROOT / "docs/img"

BACKEND = ScriptedBackend([{"new_answer": "42"}])
BLOCK = re.compile(r"(<!-- drawing -->\n).*?(<!-- /drawing -->)", re.DOTALL)


def team(graph: str = "team", *names: str) -> TeamGraph:
    """Return a graph that the documentation shows."""
    agents = [Agent(name, BACKEND) for name in names or ("alice", "bob", "carol")]
    return Team(agents, graph=graph).compile()


def nested() -> TeamGraph:
    """Return a team with a team in it."""
    panel = Team([Agent(name, BACKEND) for name in ("dave", "erin")], graph="council", name="panel")
    return Team([Agent("panel", panel), Agent("carol", BACKEND)]).compile()


def pictures() -> dict[Path, tuple[TeamGraph, bool]]:
    """Return each picture: its graph, and whether its agents are open."""
    return {
        IMAGES / "team.svg": (team(), False),
        IMAGES / "team-xray.svg": (team(), True),
        IMAGES / "single.svg": (team("single", "alice"), False),
        IMAGES / "debate.svg": (team("debate"), False),
        IMAGES / "mixture.svg": (team("mixture"), False),
        IMAGES / "council.svg": (team("council"), False),
        IMAGES / "self_consistency.svg": (team("self_consistency", "alice"), False),
        IMAGES / "nested.svg": (nested(), True),
    }


def block(graph: TeamGraph) -> str:
    """Return what stands between the marks of the README."""
    return f"```mermaid\n{mermaid(graph, xray=False)}```\n"


def mark(graph: TeamGraph, *, xray: bool) -> str:
    """Return the comment that a picture of this graph ends with."""
    digest = hashlib.sha256(mermaid(graph, xray=xray).encode()).hexdigest()
    return f"<!-- drawing {digest} -->\n"


def main() -> None:
    """Write the README's block, if there is one, and the pictures."""
    for path, (graph, xray) in pictures().items():
        path.write_text(f"{svg(graph, xray=xray)}\n{mark(graph, xray=xray)}", encoding="utf-8")
    if README.exists():
        text = README.read_text(encoding="utf-8")
        README.write_text(BLOCK.sub(rf"\1{block(team())}\2", text), encoding="utf-8")


if __name__ == "__main__":
    main()
