"""Open the agents' toolboxes before a run's first call, and close them after the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

from ..agent import Agent
from ..backends.errors import UserError
from ..nodes.member import opened_tools
from ..nodes.toolbox import Toolbox


async def open_toolboxes(agents: Sequence[Agent]) -> None:
    """Open all toolboxes at once, and check that no agent has two tools of one name.

    Raises:
        UserError: With everything that cannot be opened, and which agents need it.
    """
    boxes = distinct(agents)
    if not boxes:
        return
    ends = await asyncio.gather(*(box.prepare() for box in boxes.values()), return_exceptions=True)
    wrong: list[tuple[str, BaseException]] = [
        (_needed_by(key, agents), end)
        for key, end in zip(boxes, ends, strict=True)
        if isinstance(end, BaseException)
    ]
    for _, end in wrong:
        if not isinstance(end, UserError):
            raise end
    if wrong:
        raise UserError("; ".join(f"{who}: {end}" for who, end in wrong)) from wrong[0][1]
    for agent in agents:
        if agent.toolboxes():
            await opened_tools(agent.id, agent.build_tools(), agent.toolboxes())


async def close_toolboxes(agents: Sequence[Agent]) -> list[BaseException | None]:
    """Close all toolboxes on this loop, and return what went wrong."""
    boxes = distinct(agents).values()
    return await asyncio.gather(*(box.aclose() for box in boxes), return_exceptions=True)


def distinct(agents: Sequence[Agent]) -> dict[Hashable, Toolbox]:
    """Return one toolbox for each thing that is opened."""
    return {box.opened_by: box for agent in agents for box in agent.toolboxes()}


def _needed_by(key: Hashable, agents: Sequence[Agent]) -> str:
    ids = [repr(agent.id) for agent in agents if any(b.opened_by == key for b in agent.toolboxes())]
    return f"Agent{'s' if len(ids) > 1 else ''} {', '.join(ids)}"
