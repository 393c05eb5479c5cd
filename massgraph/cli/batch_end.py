"""How a batch ends: what is told of it, and the exit status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ending import Status, error, say
from .signals import Signals

if TYPE_CHECKING:
    from ..batch.batch import Batch


@dataclass(frozen=True, slots=True)
class Ending:
    """What is told at the end.

    Args:
        batch: The batch.
        file: The file of results; None where they went to a stream.
        quiet: Whether only what went wrong is told.
    """

    batch: Batch
    file: str | None
    quiet: bool

    def status(self, signals: Signals) -> Status:
        """Tell how the batch has ended, and return the exit status."""
        self.summary()
        count, stopped = self.batch.count, signals.status
        if stopped is not None:
            word = "interrupted" if stopped is Status.INTERRUPTED else "terminated"
            error(f"{word}: {count.done:,} of {count.total:,} are done; {self.how_to_go_on}")
            return stopped
        if self.batch.short_of is not None:
            left = count.total - count.done
            error(
                f"the budget has no room for another question (--max-{self.batch.short_of}): "
                f"{left:,} {_was(left)} not asked; raise it, and run the same command again"
            )
        failed = count.unanswered + count.bad
        if failed:
            error(f"{failed:,} of {count.total:,} have no answer{self._why}")
        return Status.OK if count.answered == count.total else Status.NO_ANSWER

    def summary(self) -> None:
        """Say how many there are of each, and what was used."""
        if self.quiet:
            return
        from ..batch.progress import compact, cost, duration

        progress = self.batch.progress()
        count = progress.count
        figures = (
            (count.answered, "answered"),
            (count.unanswered, "without an answer"),
            (count.bad, "bad lines" if count.bad != 1 else "bad line"),
            (count.total - count.done, "not done"),
        )
        told = ", ".join(f"{number:,} {what}" for number, what in figures if number)
        spent = progress.spent
        say(
            f"{count.total:,} question{'s' if count.total != 1 else ''}: {told}; "
            f"{spent.calls:,} calls, {compact(spent.tokens)} tokens, {cost(spent)}; "
            f"{duration(progress.seconds)}"
        )

    @property
    def how_to_go_on(self) -> str:
        """What to do to get the rest."""
        if self.file is None:
            return "results went to no file: what is missing is asked anew"
        return "to go on, run the same command again"

    @property
    def _why(self) -> str:
        if self.file is None:
            return ": their lines say why"
        return f": {self.file} says why; --retry-failed asks them again"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
