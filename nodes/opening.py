"""Open an agent's toolboxes, before its model is offered what is in them."""

from __future__ import annotations

import asyncio
from typing import Any

from ..backends.errors import UserError
from .agent_turn import AgentTurn
from .member import Member
from .race import race
from .turn import Flaw, ending


async def open_tools(turn: AgentTurn) -> dict[str, Any] | None:
    """Give the turn's member all its tools.

    A team opens them before its first call; a plain graph, here.

    Returns:
        None, or the update of a turn that ends for want of them.
    """
    if not turn.member.toolboxes or turn.state.get("hurried"):
        return None
    try:
        while (end := await race(turn.member.opened, turn.watch(), turn.live)) == "retried":
            turn.retried(turn.spent)
    except UserError as exc:
        return turn.ended(ending("failed", str(exc), kind="tool"))
    except asyncio.CancelledError:
        turn.tell_cancelled()
        raise
    if isinstance(end, str) and end != "cancelled" and turn.is_released:
        return turn.released()
    match end:
        case Member():
            turn.member = end
            return None
        case "soft":  # the one call that is left goes without them
            why = "the soft deadline has passed"
            return {"flaw": Flaw(kind=None, what="call", why=why, soft=True, calls=[], wait_s=0.0)}
        case _:
            return turn.stopped(end)
