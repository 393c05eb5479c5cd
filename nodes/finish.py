"""How both ends of the machine end a run: the result is told, and nothing stays behind."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from .events import RunFinished
from .live import Desk
from .machine import merged
from .result import result_of
from .state import RunOutcome, TeamState


async def finish(
    desk: Desk,
    state: TeamState,
    runtime: Runtime[Any],
    update: dict[str, Any],
    *,
    outcome: RunOutcome,
    answer: str | None,
) -> dict[str, Any]:
    """End the run: say the result, wait for stragglers, and return the last update."""
    live = desk.live(runtime, state)
    end = merged(state, update)
    info = runtime.execution_info
    result = result_of(
        end,
        outcome=outcome,
        answer=answer,
        seconds=live.now,
        thread_id=live.thread_id or (info.thread_id if info else "") or "",
    )
    update = {**update, "outcome": outcome, "answer": answer, "elapsed": live.now}
    live.emit(runtime, end, RunFinished(result=dict(result)))
    await desk.close(runtime, state)
    return update
