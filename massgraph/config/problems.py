"""What is wrong with a config, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..backends.errors import UserError
from ..backends.words import MOST_PROBLEMS
from ..backends.words import did_you_mean as did_you_mean
from ..backends.words import quoted as quoted


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value comes from: a file's line and column, from 1, or an option by its name."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.source
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        place: Where.
        message: What, and what to do about it.
        missing: True when the config is right and something is not in place on this machine: a
            key, an extra, a file. Checking a config warns of it, running one refuses.
    """

    place: Place
    message: str
    missing: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigError(UserError):
    """A config that cannot be used, with every problem of it.

    Args:
        problems: At least one.
        warnings: What else was noticed.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = listed(problems)
        self.warnings = listed(warnings)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def listed(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in the order of their places, each once, and not endlessly many."""
    kept = sorted(dict.fromkeys(problems), key=_order)
    left = len(kept) - MOST_PROBLEMS
    if left > 0:
        place = Place(kept[0].place.source, 1, 1)
        kept[MOST_PROBLEMS:] = [Problem(place, f"and {left} more problems")]
    return kept


def _order(problem: Problem) -> tuple[int, int]:
    return problem.place.line or 0, problem.place.column or 0
