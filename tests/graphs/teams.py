"""Graphs to look at: teams that are never run."""

from __future__ import annotations

from massgraph.backends.scripted import ScriptedBackend
from massgraph.graphs.composition import TeamGraph
from massgraph.graphs.coordination import coordination
from massgraph.nodes.member import Member
from massgraph.nodes.policy import Policy

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")


def team(*ids: str) -> TeamGraph:
    """Return the graph of a team of these agents."""
    backend = ScriptedBackend([{"new_answer": "42"}])
    return coordination([Member(agent, backend) for agent in ids], Policy()).compile()
