"""Conversation: questions that are asked one after the other, on one thread, of one team."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..backends.errors import MassgraphError, UserError
from ..display.safe_text import one_line
from ..graphs.running import BrokenRunError
from ..outcomes import OVER
from ..store.complaints import no_thread
from ..store.lease import Lease
from ..thread_ids import check_thread_id, new_thread_id
from .account import Account
from .commands import command, unknown
from .standing import Followed, Standing

if TYPE_CHECKING:
    from ..run import Run
    from ..store.base import Storage, ThreadRow
    from ..team import Team
    from .surface import Surface

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked.

    Args:
        question: The question; None goes on with the thread's last run.
        thread_id: On which thread.
        waited: Whether it has to wait until another run is over.
    """

    question: str | None
    thread_id: str
    waited: bool = False

    @property
    def told(self) -> str:
        """The question, for people."""
        return "(/resume)" if self.question is None else one_line(self.question, 100)


class Conversation:
    """A conversation: what is heard is a question or a command; questions wait for their turn.

    Args:
        team: Who answers; its threads are kept in `storage`.
        storage: Where threads are kept.
        surface: Where runs are shown, and answers go.
        thread_id: A thread to go on with; None for a new one.
        typed: Whether a person types: then a run that is interrupted leads back to the prompt, and
            the end of what is typed does not wait for an answer.
    """

    def __init__(
        self,
        team: Team,
        storage: Storage,
        surface: Surface,
        *,
        thread_id: str | None = None,
        typed: bool = True,
    ) -> None:
        self.team, self.surface = team, surface
        self.thread_id = thread_id or new_thread_id()
        self.waiting: deque[Asked] = deque()
        self.run: Run | None = None
        """The run that goes on, until its answer is printed."""
        self.result: dict[str, Any] | None = None
        """The result of the last run."""
        self.status = 0
        """The exit status of the last run."""
        self.asked = 0
        """How many questions were asked."""
        self.account = Account()
        members = [agent.drawn() for agent in team.agents]
        self.standing = Standing((m.id, m.backend.provider_name, m.backend.model) for m in members)
        self._storage, self._typed = storage, typed
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._begun = 0.0
        self._left = self._cancelled = self._warned = False

    async def hold(self, lines: AsyncIterator[str]) -> int:
        """Hold the conversation until its end, and return its exit status.

        Args:
            lines: What is typed.

        Raises:
            MassgraphError: When an answer cannot be printed.
        """
        reading = asyncio.create_task(self._read(lines), name="what is typed")
        try:
            self.surface.ready()
            while (asked := await self._next()) is not None:
                await self._answer(asked)
            return self.status
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def hear(self, text: str) -> None:
        """Take in what is typed: a question or a command."""
        text, self._warned = text.strip(), False
        if text.startswith("/") and not text.startswith("//"):
            await self._command(text[1:])
        elif text:
            self._ask(Asked(text.removeprefix("/"), self.thread_id))
        if self.run is None and not self.waiting and not self._left:
            self.surface.ready()

    @property
    def seconds(self) -> float:
        """How long ago the run was begun that goes on, in seconds."""
        return asyncio.get_running_loop().time() - self._begun

    def begin_thread(self) -> str | None:
        """Begin a new thread, and return the one before, if anything was asked on it."""
        before, self.thread_id = self.thread_id, new_thread_id()
        used = self.result is not None and self.result["thread_id"] == before
        return before if used else None

    async def resume(self, thread_id: str) -> list[str]:
        """Go on with a thread, and with its last run unless that is over.

        Raises:
            UserError: When there is no such thread.
        """
        row = await self._row(check_thread_id(thread_id))
        if row is None and thread_id == self.thread_id:
            return ["nothing was asked on this thread yet"]
        if row is None:
            raise no_thread(self._storage.url, thread_id)
        said = [] if thread_id == self.thread_id else [f"on the thread {thread_id} now"]
        self.thread_id = thread_id
        if row.status in OVER:
            return [*said, f"its last run is over ({row.status}); ask on: {_last(row)}"]
        self._ask(Asked(None, thread_id))
        return [*said, f"goes on with: {_last(row)}"]

    def cancel(self) -> None:
        """Cancel the run; what waits is not asked."""
        for asked in self.waiting:
            self.surface.say(f"not asked: {asked.told}")
        self.waiting.clear()
        if self.run is not None:
            self._cancelled = True
            self.run.cancel()

    def interrupt(self) -> None:
        """Take a Ctrl-C in: cancel the run; without one, leave the second time."""
        if not self._typed:
            self.leave(INTERRUPTED)
        elif self.run is not None and self._cancelled:
            self.surface.quit()
        elif self.run is not None:
            self.cancel()
        elif self._warned:
            self.leave(INTERRUPTED)
        else:
            self._warned = True
            self.surface.say("Ctrl-C once more quits, and so do Ctrl-D and /quit")
            self.surface.ready()

    def leave(self, status: int | None = None) -> None:
        """End the conversation; a run that goes on is cancelled.

        Args:
            status: The exit status; None for that of the last run.
        """
        self._left = True
        self.status = self.status if status is None else status
        self.cancel()
        self._woken.set()

    async def _read(self, lines: AsyncIterator[str]) -> None:
        try:
            async for text in lines:
                await self.hear(text)
                if not self._typed:
                    await self._idle.wait()
                if self._left:
                    return
        finally:
            self.leave()

    async def _command(self, words: str) -> None:
        name, _, argument = words.partition(" ")
        found = command(name)
        if found is None:
            self.surface.say(unknown(one_line(name, 40)))
        elif found.alone and (self.run is not None or self.waiting):
            self.surface.say(f"/{found.name} waits for no run: /cancel, or Ctrl-C, ends this one")
        else:
            try:
                said = await found.act(self, argument.strip())
            except MassgraphError as exc:
                self.surface.refuse(exc)
            else:
                for line in said:
                    self.surface.say(line)

    def _ask(self, asked: Asked) -> None:
        busy = self.run is not None or bool(self.waiting)
        self.waiting.append(replace(asked, waited=busy))
        if busy:
            number = len(self.waiting) if self.run is not None else len(self.waiting) - 1
            wait = "1 question waits" if number == 1 else f"{number} questions wait"
            self.surface.say(f"asked when this run is over; {wait}")
        self._idle.clear()
        self._woken.set()

    async def _next(self) -> Asked | None:
        """Return what is asked next, waited for; None at the end."""
        while not self._left:
            if self.waiting:
                return self.waiting.popleft()
            self._idle.set()
            self._woken.clear()
            await self._woken.wait()
        return None

    async def _answer(self, asked: Asked) -> None:
        """Run a question, show it, and print its answer."""
        self._cancelled = False
        if asked.waited:
            self.surface.say(f"now asked: {asked.told}")
        try:
            self.status = await self._run(asked)
        except UserError as exc:
            self.status = self.surface.refuse(exc)
        finally:
            self.run = None
        if self.surface.useless:
            self.leave()
        if not self.waiting and not self._left:
            self.surface.ready()

    async def _run(self, asked: Asked) -> int:
        async with self.team.start(asked.question, thread_id=asked.thread_id) as run:
            self.run = run
            self.asked += 1
            self.standing.begin()
            self._begun = asyncio.get_running_loop().time()
            await self.surface.watch(Followed(run, self.standing))
            try:
                result = (await run.result()).to_dict()
            except BrokenRunError as exc:
                self.surface.refuse(exc)
                result = dict(exc.result)
        self.result = result
        self.account.add(result, resumed=asked.question is None)
        return await self.surface.deliver(result)

    async def _row(self, thread_id: str) -> ThreadRow | None:
        async with Lease(self._storage) as store:
            return await store.row(thread_id)


def _last(row: ThreadRow) -> str:
    return one_line(row.question, 100)
