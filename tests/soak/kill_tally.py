"""What trials come to, in which runs are killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """What trials come to.

    Args:
        trials: How many.
        kills: Processes that were killed.
        too_late: Processes that had ended before they were to be killed.
        signals: Processes that were asked to end, by SIGINT or SIGTERM.
        aimed: Trials whose processes were killed in the moment after some reply; those of all
            others were killed at any moment.
        answered: Whole replies that the provider has sent.
        answered_at_random: Those in trials that were not aimed.
        stored: Replies in journals at the end.
        sent_again_though_stored: Requests whose reply was stored when the process was killed.
        billed_twice: Whole replies to a request that was answered before, and not stored by then;
            in trials that were not aimed.
        billed_twice_by_aim: The same in those that were.
        wrong_finals: Runs that end otherwise than one that was never killed.
        waited: Resumes that had to wait until a server had seen that a process was gone.
        problems: What else is wrong.
    """

    trials: int = 0
    kills: int = 0
    too_late: int = 0
    signals: int = 0
    aimed: int = 0
    answered: int = 0
    answered_at_random: int = 0
    stored: int = 0
    sent_again_though_stored: int = 0
    billed_twice: int = 0
    billed_twice_by_aim: int = 0
    wrong_finals: int = 0
    waited: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        wrong = self.sent_again_though_stored + self.wrong_finals + len(self.problems)
        return self.trials > 0 and wrong == 0

    def figures(self) -> dict[str, Any]:
        """Return the figures."""
        share = 100 * self.billed_twice / max(1, self.answered_at_random)
        told = {name: value for name, value in vars(self).items() if name != "problems"}
        return {**told, "billed_twice_percent": round(share, 2), "problems": len(self.problems)}
