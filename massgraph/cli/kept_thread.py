"""KeptThread: a thread and its steps as `massgraph threads` tells them, in words or as JSON."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from ..outcomes import OVER
from .db_option import resume_command

if TYPE_CHECKING:
    from ..steps import Step
    from ..store.base import ThreadRow
    from ..threads import Threads

_INNER = ("config", "asked", "before", "damage")
"""What a row holds for the machine alone."""


@dataclass(frozen=True, slots=True)
class KeptThread:
    """A thread, and how it stands.

    Args:
        row: What is known of it.
        state: How its last run stands: as its row says, or `interrupted`, or `damaged`.
    """

    row: ThreadRow
    state: str

    @classmethod
    async def of(cls, kept: Threads, row: ThreadRow) -> Self:
        """Return a thread as it stands now: one whose process has died is interrupted."""
        if row.damage is not None:
            return cls(row, "damaged")
        if row.status == "running" and not await kept.is_running(row.thread_id):
            return cls(row, "interrupted")
        return cls(row, row.status)

    def told(self) -> dict[str, Any]:
        """Return what a program is told of it."""
        if self.row.damage is not None:
            row = self.row
            return {"thread_id": row.thread_id, "state": self.state, "damage": row.damage}
        told = {key: value for key, value in asdict(self.row).items() if key not in _INNER}
        return {**told, "state": self.state}

    def line(self) -> str:
        """Return it as one line of a list."""
        from ..display.safe_text import one_line

        row = self.row
        if row.damage is not None:
            return f"{one_line(row.thread_id, 128):32}  {self.state}"
        changed, question = _when(row.updated), one_line(row.question, 60)
        return f"{row.thread_id:32}  {self.state:11}  {changed}  {question}"

    def lines(self, db: str | None) -> list[str]:
        """Return all that a person may want to know of it.

        Args:
            db: The URL of its store, as it was given.
        """
        from ..display.safe_text import one_line, safe

        row = self.row
        lines = [
            f"thread    {row.thread_id}",
            f"state     {self.state}",
            f"begun     {_when(row.created)}",
            f"changed   {_when(row.updated)}",
            f"runs      {row.runs}, the last one in {row.attempts} "
            f"attempt{'s' if row.attempts > 1 else ''}",
            f"question  {one_line(row.question, 200)}",
        ]
        if row.forked_from is not None:
            lines.append(f"fork of   {row.forked_from}")
        if row.result is not None and row.result.get("answer") is not None:
            lines.append(f"answer    {safe(row.result['answer'])}")
        if self.state not in (*OVER, "running"):
            lines.append(f"go on     {resume_command(row.thread_id, db)}")
        return lines


def step_told(step: Step) -> dict[str, Any]:
    """Return what a program is told of a step: its place, what it holds, and what came next."""
    state = step.state
    if step.damage is not None:
        return {"step": step.number, "damage": step.damage}
    return {
        "step": step.number,
        "at": step.at,
        "round": state.get("round", 0),
        "epoch": state.get("epoch", 0),
        "answers": list(state.get("answers", {})),
        "votes": {voter: vote["candidate"] for voter, vote in state.get("votes", {}).items()},
        "next": list(step.next),
    }


def step_line(step: Step) -> str:
    """Return a step as one line."""
    if step.damage is not None:
        return f"  {step.number:4}  damaged: it can't be forked"
    told = step_told(step)
    place = f"round {told['round']}, epoch {told['epoch']}"
    held = f"{_number(told['answers'], 'answer')}, {_number(told['votes'], 'vote')}"
    when = _when(datetime.fromisoformat(step.at).timestamp())
    ahead = ", ".join(step.next) or "the end"
    return f"  {step.number:4}  {when}  {place:18}  {held:18}  next: {ahead}"


def _number(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _when(seconds: float) -> str:
    """Return a time as the user's clock shows it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
