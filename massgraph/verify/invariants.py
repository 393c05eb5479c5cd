"""The invariants by name: what each one says, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Name = Literal["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "L1", "L2"]
"""S: nothing wrong ever happens. L: what must happen does, in time."""

INVARIANTS: Mapping[Name, str] = {
    "S1": "Every turn has exactly one outcome, and what comes later is dropped.",
    "S2": "A vote that counts was cast by who saw exactly the current answers.",
    "S3": "New answers are published in one step: the epoch rises, votes go, and everybody owes.",
    "S4": "A vote is for a current answer, by its label; an agent has one vote.",
    "S5": "The winner follows from answers, votes and policy alone; who has no vote has a reason.",
    "S6": "There is one final presentation, and nothing is accepted after settling.",
    "S7": "Events are numbered without gaps; round, epoch and spending never fall; the result is "
    "what the events give.",
    "S8": "Limits are passed by no more than the calls in flight.",
    "S9": "Who had ended a turn when a run was cut is not asked again.",
    "S10": "No event contains a key.",
    "S11": "Nothing of a run goes on after its end.",
    "L1": "Every run comes to an outcome in time.",
    "L2": "Nobody holds up a round beyond its deadline.",
}
"""What the protocol promises (docs/running.md), as far as events can tell."""
