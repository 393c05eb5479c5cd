"""Where one question is answered: on a thread of its own, which goes on after a cut."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.errors import MissingError, StoreError, UserError
from ..backends.off_loop import off_loop
from ..graphs.running import BrokenRunError
from ..outcomes import OVER
from ..store.complaints import DamagedError
from ..store.paths import thread_folder
from .question import Question

if TYPE_CHECKING:
    from ..store.base import Storage, Store, ThreadRow
    from ..team import Team
    from .teams import Teams


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question.

    Args:
        result: The run's result object; None where there was no run.
        error: Why there was none, or how it broke.
    """

    result: dict[str, Any] | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers questions.

    Args:
        teams: Who answers.
        storage: Where threads are kept.
        batch: What the threads of the batch are called by; see `batch_name`.
        config: What the team was made of, as it is stored with threads.
        anew: Whether a run that was over without an answer is begun anew.
        keep: Whether threads are kept when their results are written.
        runs: The folder of the records of runs; None where there are none.
    """

    teams: Teams
    storage: Storage
    batch: str
    config: str | None = None
    anew: bool = False
    keep: bool = False
    runs: Path | None = None

    async def answer(self, question: Question) -> Outcome:
        """Answer a question, or go on with the run of it that was cut.

        Raises:
            UserError: When the team can answer nothing at all.
            StoreError: When the store can't be reached.
        """
        thread = self.thread_of(question)
        store = await self.storage.opened()
        row = await self._found(store, thread)
        if await store.is_held(thread):
            return Outcome(None, f"A run is going on on the thread {thread} in another process.")
        if row is not None and row.status in OVER and row.result is not None:
            return Outcome(row.result)
        with self.teams.lent() as team:
            try:
                return await self._run(team, store, question, thread, goes_on=row is not None)
            except BrokenRunError as exc:
                if isinstance(exc.__cause__, StoreError):
                    raise exc.__cause__ from exc
                return Outcome(dict(exc.result), str(exc))

    async def _run(
        self, team: Team, store: Store, question: Question, thread: str, *, goes_on: bool
    ) -> Outcome:
        if goes_on:
            try:
                return Outcome((await team.aresume(thread)).to_dict())
            except MissingError:  # nothing is wrong with the run
                raise
            except UserError:  # the graph is another one since
                await self._remove(store, thread)
        return Outcome((await team.arun(question.question, thread_id=thread)).to_dict())

    async def forget(self, thread: str) -> None:
        """Remove the thread of a question whose result is written, unless threads are kept.

        Raises:
            StoreError: When it can't be removed.
        """
        if self.keep or not thread.startswith(f"{self.batch}-"):
            return
        store = await self.storage.opened()
        await self._remove(store, thread)

    async def forget_left(self, last: Sequence[str]) -> None:
        """Remove the thread of the last result, which a killed process may have left.

        Where the one before it is there as well, somebody has kept them.

        Args:
            last: The threads of the last two results, or of fewer.
        """
        store = await self.storage.opened()
        if not last or await store.row(last[-1]) is None:
            return
        if len(last) == 1 or await store.row(last[-2]) is None:
            await self.forget(last[-1])

    def thread_of(self, question: Question) -> str:
        """Return the thread of a question."""
        name = f"{question.key}\0{question.digest}"
        return f"{self.batch}-{blake2b(name.encode(), digest_size=8).hexdigest()}"

    async def _found(self, store: Store, thread: str) -> ThreadRow | None:
        """Return the run that can go on; one that can't is removed.

        It can't where the thread is damaged, was begun by another team, or is to be begun anew.

        Raises:
            StoreError: When the store can't be used: what is paid for may be whole.
        """
        try:
            row = await store.row(thread)
            if row is None:
                return None
            fits = row.config == self.config and not (self.anew and row.status == "no_answer")
            if fits and not await store.check(thread):
                return row
        except DamagedError:
            pass
        if not await store.is_held(thread):
            await self._remove(store, thread)
        return None

    async def _remove(self, store: Store, thread: str) -> None:
        with suppress(UserError):  # somebody goes on with it: it is theirs
            async with store.hold(thread):
                await store.rm(thread)
                if self.runs is not None:
                    folder = thread_folder(thread, self.runs)
                    await off_loop(partial(shutil.rmtree, folder, ignore_errors=True))


def batch_name(results: str) -> str:
    """Return what the threads of a batch are called by.

    Args:
        results: Where its results go, as an absolute path.
    """
    return f"batch-{blake2b(results.encode(), digest_size=6).hexdigest()}"
