"""Options of `massgraph batch`: where results go, how much at once, and what it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import click

from ..batch import MOST_JOBS
from . import complete
from .command import several

if TYPE_CHECKING:
    from ..nodes.budget import Budget

batch_options = several(
    click.option(
        "-o",
        "out",
        metavar="FILE",
        required=True,
        shell_complete=complete.files,
        help="The file of results; - for stdout.",
    ),
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(1, MOST_JOBS),
        default=4,
        show_default=True,
        metavar="N",
        help="How many questions are under way at once.",
    ),
    click.option(
        "--retry-failed", "anew", is_flag=True, help="Ask those again that have no answer."
    ),
    click.option("--max-cost", type=float, metavar="USD", help="What all of it may cost."),
    click.option("--max-tokens", type=int, metavar="N", help="The tokens it may use."),
    click.option("--max-calls", type=int, metavar="N", help="The provider calls it may make."),
    click.option("--keep-threads", "keep", is_flag=True, help="Keep threads and records of runs."),
    click.option("--quiet", is_flag=True, help="Show no progress."),
    click.option("--no-display", is_flag=True, help="Show progress without moving the cursor."),
    click.option("--no-logs", is_flag=True, help="Write no records and no logs of the runs."),
)
"""Adds the options of a batch."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is worked off; see the options."""

    out: str
    jobs: int
    anew: bool
    max_cost: float | None
    max_tokens: int | None
    max_calls: int | None
    keep: bool
    quiet: bool
    no_display: bool
    no_logs: bool

    @classmethod
    def take(cls, given: dict[str, Any]) -> Self:
        """Take these options out of all that were given.

        Raises:
            UsageError: When a limit makes no sense.
        """
        taken = cls(*(given.pop(name) for name in cls.__slots__))
        for option, value in (
            ("--max-cost", taken.max_cost),
            ("--max-tokens", taken.max_tokens),
            ("--max-calls", taken.max_calls),
        ):
            if value is not None and not 0 < value < float("inf"):
                raise click.UsageError(f"{option} {value}: give a number that is more than 0.")
        return taken

    @property
    def budget(self) -> Budget:
        """What all questions may use together."""
        from ..nodes.budget import Budget

        return Budget(
            max_calls=self.max_calls, max_tokens=self.max_tokens, max_cost_usd=self.max_cost
        )
