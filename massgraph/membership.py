"""Who is in a team: agents that leave it, and teams that are agents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from .agent import Agent
from .backends.errors import UserError


class _Membered(Protocol):
    agents: tuple[Agent, ...]


T = TypeVar("T", bound=_Membered)


def without(agent_id: str, agents: Iterable[Agent]) -> tuple[Agent, ...]:
    """Return all agents but one.

    Raises:
        UserError: When there is none of that id.
    """
    there = {agent.id: agent for agent in agents}
    if there.pop(agent_id, None) is None:
        raise UserError(
            f"There is no agent {agent_id!r} in the team; there are: {', '.join(there)}."
        )
    return tuple(there.values())


def teams_within(agents: Iterable[Agent], kind: type[T]) -> Iterator[T]:
    """Give out the teams that are agents, and those inside them.

    Args:
        agents: The agents.
        kind: The class of teams.
    """
    for agent in agents:
        behind: tuple[object, ...] = (agent.backend, agent.fallback)
        for one in behind:
            if isinstance(one, kind):
                yield one
                yield from teams_within(one.agents, kind)
