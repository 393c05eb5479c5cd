"""`tally`: answers that say the same are votes for the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from langgraph.runtime import Runtime

from ..backends.errors import RunError
from .actions import fold_space
from .collect_votes import outcomes_of_round
from .events import VoteCast
from .live import Desk
from .machine import MachineNode
from .rules import cast_vote
from .state import TeamState

SAME = "its own answer says the same"


def plain_words(text: str) -> str:
    """Return the words of a text, without regard to case, punctuation and space."""
    return " ".join(re.findall(r"[\w.,+\-/%]*\w", text.casefold()))


def tally(key: Callable[[str], str], desk: Desk) -> MachineNode:
    """Return the node that counts each answer as its author's vote for what it says.

    Args:
        key: What two answers must share to count as the same.
        desk: Where the live side of runs is found.
    """

    def said(text: str) -> str:
        try:
            return key(fold_space(text))
        except Exception as exc:
            raise RunError(f"What two answers must share can't be told: {exc}") from exc

    async def tally(state: TeamState, runtime: Runtime[Any]) -> dict[str, Any]:
        live = desk.live(runtime, state)
        first: dict[str, str] = {}
        for author, answer in state["answers"].items():
            first.setdefault(said(answer["text"]), author)
        votes = {}
        for outcome in outcomes_of_round(state):
            if outcome["outcome"] == "new_answer":
                voter = outcome["agent"]
                candidate = first[said(outcome["text"])]
                votes[voter] = cast_vote(voter, candidate, SAME, state["epoch"])
                cast = VoteCast(voter=voter, candidate=candidate, reason=SAME)
                live.emit(runtime, state, cast)
        return {"votes": votes}

    return tally
