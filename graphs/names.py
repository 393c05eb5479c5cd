"""Which agent ids fit: they are names of nodes, of files, and of boxes in a drawing."""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized

from ..backends.errors import UserError
from ..nodes.policy import PolicyFields
from ..nodes.visibility import sight_problem

GRAPHS = ("team", "single", "debate", "mixture", "council", "self_consistency")
"""The prebuilt graphs (prebuilt.py)."""
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
    problem = sight_problem(ids, policy)
    if problem:
        raise UserError(problem)
    if policy.presenter is not None and policy.presenter not in ids:
        raise UserError(
            f"presenter names {policy.presenter!r}, who is not in the team ({', '.join(ids)})."
        )


def check_size(graph: str, members: Sized, *, least: int = 1, exactly: int | None = None) -> None:
    """Check that a graph has the number of agents that it is for.

    Raises:
        UserError: When it has more, or fewer.
    """
    if exactly is not None and len(members) != exactly:
        raise UserError(f"The graph {graph!r} takes {_agents(exactly)}; there are {len(members)}.")
    if len(members) < least:
        raise UserError(f"The graph {graph!r} takes {_agents(least)} at least.")


def _agents(number: int) -> str:
    return "one agent" if number == 1 else f"{number} agents"


def id_for(name: str) -> str:
    """Return an agent's id that is as close to a name as ids allow."""
    fit = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[:64]
    return fit if fit and id_problem(fit) is None else f"graph_{fit}"[:64]


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
