"""The work of a batch: so many questions at a time, until all have their results."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

from ..backends.off_loop import off_loop
from .desk import Desk, Outcome
from .known import Known
from .question import BadLine, Question
from .questions import Questions
from .result_line import ResultLine
from .spent import Purse, Spent

PAUSE_EVERY = 100
"""Lines of which all may be done already: so many are passed over before signals are heard."""


class Results(Protocol):
    """Where results go."""

    def append(self, data: bytes) -> None:
        """Write whole lines, for good."""
        ...


class Work:
    """Asks all questions that have no result yet.

    Args:
        questions: What is asked.
        results: Where results go.
        desk: Who answers.
        purse: What may be used.
        known: What is known at the beginning.
        jobs: How many questions are under way at most.
    """

    def __init__(
        self,
        questions: Questions,
        results: Results,
        desk: Desk,
        purse: Purse,
        known: Known,
        *,
        jobs: int,
    ) -> None:
        self._questions, self._results, self._desk = questions, results, desk
        self.purse, self._jobs = purse, jobs
        self._done, self._last, self._earlier = known.done, known.last, known.earlier
        self.count = known.count
        self.short_of: str | None = None
        """What there was not enough of, so that no more questions were begun."""
        self.cancelled = False
        self._running: dict[asyncio.Task[Outcome], Question] = {}

    def cancel(self) -> None:
        """Begin no more questions, and stop those that are under way: they can go on later."""
        self.cancelled = True
        for task in self._running:
            task.cancel()

    async def run(self) -> None:
        """Ask until all is done, nothing is left to spend, or somebody cancels.

        Raises:
            MassgraphError: When results can't be written, threads can't be stored, or the team
                can answer nothing; all that was done by then is written.
        """
        try:
            await self._desk.forget_left(self._last)
            for number, entry in enumerate(self._questions):
                if number % PAUSE_EVERY == 0:
                    await asyncio.sleep(0)
                if self.cancelled:
                    break
                if isinstance(entry, BadLine):
                    if entry.line not in self._done:
                        await self._write(ResultLine.bad(entry))
                elif entry.key not in self._done:
                    if not await self._room():
                        break
                    self._begin(entry)
            while self._running:
                await self._settle()
        finally:
            await self._stop()

    async def _room(self) -> bool:
        """Wait until one more question may be under way; False where none may be any more."""
        while len(self._running) >= self._jobs and not self.cancelled:
            await self._settle()
        while short := self.purse.short_of(len(self._running)):
            if not self._running:
                self.short_of = short
                return False
            await self._settle()
        return not self.cancelled

    def _begin(self, question: Question) -> None:
        task = asyncio.create_task(self._desk.answer(question), name=f"question {question.key}")
        self._running[task] = question

    async def _settle(self) -> None:
        """Wait for questions to end, and write what came of them."""
        ended, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            if not task.cancelled():
                await self._end(self._running[task], task.result())
            del self._running[task]

    async def _end(self, question: Question, outcome: Outcome) -> None:
        line = ResultLine.of(
            question, outcome.result, outcome.error, self._earlier.get(question.key)
        )
        await self._write(line)
        if line.result is not None:
            self.purse.spend(Spent.of(line.result["usage"]["total"]))
            await self._desk.forget(self._desk.thread_of(question))

    async def _write(self, line: ResultLine) -> None:
        """Write a result; only what is on the disk is done."""
        await off_loop(partial(self._results.append, line.to_bytes()))
        self.count.add(line)

    async def _stop(self) -> None:
        """Stop what is still under way, and wait until nothing of it is left."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()
