"""Which agent ids fit: they are names of nodes, of files, and of boxes in a drawing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..backends.errors import UserError
from ..nodes.policy import PolicyFields

AGENT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
MACHINE_NODES = (
    "ask",
    "open_round",
    "collect_votes",
    "restart",
    "debate",
    "select_winner",
    "present_final",
    "give_up",
)
TURN_NODES = ("think", "enforce", "use_tools", "act")
RESERVED = frozenset((*MACHINE_NODES, *TURN_NODES, "total", "start", "end", "subgraph"))
"""Names with a meaning of their own, in the machine, in a result or in a drawing."""


def check_names(ids: Sequence[str], policy: PolicyFields) -> None:
    """Check the ids of a team, and that its policy fits them.

    Raises:
        UserError: At the first one that does not fit.
    """
    if not ids:
        raise UserError("A team needs at least one agent.")
    seen: set[str] = set()
    for agent in ids:
        problem = id_problem(agent)
        if problem:
            raise UserError(problem)
        if agent.lower() in seen:
            raise UserError(f"Two agents are called {agent!r}; ids differ by more than case.")
        seen.add(agent.lower())
    if isinstance(policy.quorum, int) and policy.quorum > len(ids):
        raise UserError(
            f"A quorum of {policy.quorum} ballots can't be met by {len(ids)} "
            f"agent{'s' if len(ids) > 1 else ''}."
        )
    for agent in policy.weights:
        if agent not in ids:
            raise UserError(f"weights names {agent!r}, who is not in the team ({', '.join(ids)}).")


def id_problem(agent: str) -> str | None:
    """Return what is wrong with an agent's id, if anything is."""
    if not AGENT_ID.fullmatch(agent):
        return (
            f"{agent!r} can't be an agent's id: a letter first, then letters, digits, '_' or '-', "
            "64 characters at most."
        )
    if agent.lower() in RESERVED:
        return f"{agent!r} can't be an agent's id: the name is taken by the machine."
    return None
