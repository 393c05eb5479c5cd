"""What a check finds: violations, and what they come to for a whole record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .invariants import Name

Found = Iterator[tuple[Name, str]]
"""What a check finds of an event: the invariant that does not hold, and how."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold.

    Args:
        invariant: Its name.
        message: What is wrong.
        line: The place of the event among those that were checked, from 1.
        seq: The event's number.
        run_attempt: The event's attempt.
        type: The event's type.
    """

    invariant: Name
    message: str
    line: int
    seq: int
    run_attempt: int
    type: str

    def __str__(self) -> str:
        """Return it as one line, the invariant's name first."""
        return f"{self.invariant}: {self.message} (line {self.line}, {self.type})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "invariant": self.invariant,
            "message": self.message,
            "line": self.line,
            "seq": self.seq,
            "run_attempt": self.run_attempt,
            "type": self.type,
        }


@dataclass(frozen=True, slots=True)
class Verified:
    """What a record came to.

    Args:
        violations: What does not hold, in the order of the events.
        notes: What could not be checked, and why.
        checked: The invariants that were checked, as far as the notes do not say otherwise.
    """

    violations: tuple[Violation, ...]
    notes: tuple[str, ...]
    checked: tuple[Name, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that was checked holds."""
        return not self.violations
