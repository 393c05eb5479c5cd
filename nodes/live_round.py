"""The round that is open while a run runs: who is at work, and what has come of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .rules import Vote, cast_vote
from .state import Failure, Outcome, TeamState, Usage, no_usage


@dataclass(slots=True)
class LiveTurn:
    """One agent's turn while it runs.

    Args:
        began: Seconds since the run began.
        spared: Whether a peer's new answer leaves this turn alone, asked at that moment.
        attempt: The try that it is at.
        spent: What the steps that are over have used.
    """

    began: float
    spared: Callable[[], bool] = lambda: True
    attempt: int = 1
    spent: Usage = field(default_factory=no_usage)


@dataclass(slots=True)
class LiveRound:
    """One round while it runs.

    Args:
        opened: Seconds since the run began.
        released: The signal that stops whose work is worthless.
        turns: The turns that run, by agent.
        votes: The votes of the turns that have ended.
        gone: Who has failed.
        answered: Whether somebody has a new answer.
        reason: Why the signal is set.
        state: The machine's state when it was opened; None in a round that was resumed.
    """

    opened: float
    released: asyncio.Event = field(default_factory=asyncio.Event)
    turns: dict[str, LiveTurn] = field(default_factory=dict)
    votes: dict[str, Vote] = field(default_factory=dict)
    gone: dict[str, Failure] = field(default_factory=dict)
    answered: bool = False
    reason: Literal["new_answer", "settled"] = "new_answer"
    state: TeamState | None = None

    def turn(self, agent: str, now: float) -> LiveTurn:
        """Return an agent's turn, begun now if it is new."""
        return self.turns.setdefault(agent, LiveTurn(now))

    def note(self, outcome: Outcome) -> None:
        """Take in how a turn has ended."""
        agent, text = outcome["agent"], outcome["text"]
        match outcome["outcome"]:
            case "vote":
                self.votes[agent] = cast_vote(
                    voter=agent,
                    candidate=outcome["candidate"] or "",
                    reason=text,
                    epoch=outcome["epoch"],
                    ranking=outcome.get("ranking"),
                )
            case "failed":
                kind = outcome["kind"] or "internal"
                self.gone[agent] = Failure(kind=kind, message=text, round=outcome["round"])
            case "new_answer":
                self.answered = True
            case "interrupted" | "abstained":
                pass

    @property
    def so_far(self) -> TeamState | None:
        """The state as it would be if the round ended now, as far as votes and failures go."""
        if self.state is None:
            return None
        votes = self.state["votes"] | self.votes
        return {**self.state, "votes": votes, "failures": self.state["failures"] | self.gone}

    def release(self, reason: Literal["new_answer", "settled"]) -> list[str]:
        """Set the round's signal, and return the running agents that it stops."""
        self.reason = reason
        if self.released.is_set():
            return []
        self.released.set()
        return sorted(agent for agent, turn in self.turns.items() if not turn.spared())
