"""A whole batch: what is known is read, what is missing is asked, and progress is shown."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..nodes.budget import NO_BUDGET, Budget, BudgetFields
from .desk import Desk
from .known import Count, Known
from .progress import Progress
from .questions import Questions
from .screen import Screen, shown
from .spent import Purse
from .teams import Teams
from .work import Results, Work

if TYPE_CHECKING:
    from ..config import TeamConfig
    from ..nodes.policy import Policy
    from ..store.base import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a batch is worked off.

    Args:
        jobs: How many questions are under way at most.
        budget: What all of them may use together.
        batch: What its threads are called by.
        anew: Whether questions without an answer are asked again.
        keep: Whether threads are kept when their results are written.
        records: Where the events of runs are recorded; None for nowhere.
        runs: Where they would be.
    """

    batch: str
    jobs: int = 4
    budget: BudgetFields = NO_BUDGET
    anew: bool = False
    keep: bool = False
    records: Path | None = None
    runs: Path | None = None


class Batch:
    """A batch that is worked off on the running event loop.

    Args:
        config: Who answers.
        questions: What is asked.
        results: Where results go.
        purse: What may be used, with what was used before; see `purse_of`.
        known: What is known of results that are there.
        settings: How.
        storage: Where threads are kept.
    """

    def __init__(
        self,
        config: TeamConfig,
        questions: Questions,
        results: Results,
        purse: Purse,
        known: Known,
        settings: Settings,
        storage: Storage,
    ) -> None:
        self._teams = Teams(_within(config, settings.budget), storage, settings.records)
        desk = Desk(
            self._teams,
            storage,
            settings.batch,
            config=config.stored,
            anew=settings.anew,
            keep=settings.keep,
            runs=settings.runs,
        )
        self._work = Work(questions, results, desk, purse, known, jobs=settings.jobs)
        self._began = time.monotonic()

    @property
    def count(self) -> Count:
        """How it stands."""
        return self._work.count

    @property
    def short_of(self) -> str | None:
        """What there was not enough of, so that questions were left out."""
        return self._work.short_of

    def cancel(self) -> None:
        """Begin no more questions, and stop those that are under way: they can go on later."""
        self._work.cancel()

    def progress(self) -> Progress:
        """Return how it stands now."""
        seconds = time.monotonic() - self._began
        return Progress(replace(self.count), self._work.purse.spent, seconds)

    async def run(self, screen: Screen | None = None, notes: deque[str] | None = None) -> None:
        """Work it off; see `Work.run`.

        Args:
            screen: What shows progress.
            notes: Lines that it shows besides, from any thread.
        """
        self._began = time.monotonic()
        lines = deque[str]() if notes is None else notes
        async with shown(screen, self.progress, lines), self._teams:
            await self._work.run()


def purse_of(config: TeamConfig, budget: BudgetFields) -> Purse:
    """Return what a batch may use, with nothing used yet."""
    whole = config.graph.whole is not None  # its policy is its own
    return Purse(budget, NO_BUDGET if whole else Budget.of_run(config.policy))


def _within(config: TeamConfig, budget: BudgetFields) -> TeamConfig:
    """Return a team none of whose runs may use more than all of them together."""
    if budget.is_open or config.graph.whole is not None:
        return config
    policy: Policy = config.policy
    least = {
        name: min(limit for limit in (most, getattr(policy, name)) if limit is not None)
        for name, most in budget.model_dump(exclude_none=True).items()
    }
    return replace(config, policy=policy.model_copy(update=least))
