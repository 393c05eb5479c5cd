"""Threads of conversation: what is kept of each, forks, and their end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .backends.errors import UserError
from .closing import AsyncClosing
from .forks import fork_step
from .steps import Step, are_left, steps_of
from .store.base import Storage, Store, ThreadIndex, ThreadRow
from .store.commands import command
from .store.complaints import DamagedError, damaged, no_thread
from .store.index import MISSING
from .store.lease import Lease
from .store.opening import open_storage
from .thread_ids import check_thread_id, new_thread_id


class Threads(AsyncClosing):
    """The threads of a store: what there is, forks, and their end.

    Args:
        db: Where they are kept: a URL as `Team` takes it, or a storage.

    Raises:
        UserError: When the URL names no store.
    """

    def __init__(self, db: str | Storage) -> None:
        self._storage = Lease(open_storage(db) if isinstance(db, str) else db)

    async def ls(self, *, limit: int | None = None) -> list[ThreadRow]:
        """Return the threads, the one that changed last first.

        Before them come those whose `damage` says what is wrong: nothing else is known of them.

        Args:
            limit: How many at most.
        """
        return await (await self._index()).ls(limit=limit)

    async def get(self, thread_id: str) -> ThreadRow:
        """Return what is known of a thread.

        Raises:
            UserError: When there is no such thread.
            StoreError: When its row in the list of threads is damaged or lost.
        """
        row = await self._found(thread_id)
        if row is None:
            raise no_thread(self._storage.url, thread_id)
        return row

    async def is_running(self, thread_id: str) -> bool:
        """Return whether a process runs the thread now."""
        return await (await self._store()).is_held(thread_id)

    async def steps(self, thread_id: str) -> list[Step]:
        """Return the steps of a thread, the first one first: all but damaged ones can be forked.

        Raises:
            UserError: When there is no such thread.
        """
        with suppress(DamagedError):  # its row is: its steps may be whole
            await self.get(thread_id)
        return await steps_of(await self._store(), thread_id)

    async def fork(
        self,
        thread_id: str,
        *,
        step: int | None = None,
        edits: Mapping[str, Any] | None = None,
        to: str | None = None,
    ) -> str:
        """Make a new thread that goes on from a step of another one, and return its id.

        Resume the new thread to let it go on. Replies of the old one are not replayed in it.

        Args:
            thread_id: The thread.
            step: The step's number; None for the last one.
            edits: State key -> value in the place of what it holds there: `question`, `answers`
                (author -> text), `votes`, `failures`, `notes` and others.
            to: The new thread's id.

        Raises:
            UserError: When there is no such thread or step, an edit is wrong, or `to` is taken.
            StoreError: When the step is damaged.
        """
        chosen = await self._chosen(thread_id, step)
        row = await self._row(thread_id, chosen)
        new = check_thread_id(to) if to is not None else new_thread_id()
        index, store = await self._index(), await self._store()
        if await self._found(new) is not None:
            raise UserError(f"There is a thread {new!r} already.", hint="Choose another id.")
        async with store.hold(new):
            await fork_step(store.saver, thread_id, chosen, edits or {}, new)
            question = str((edits or {}).get("question", chosen.question or row.question))
            await index.fork(new, replace(row, question=question, asked=None, before=None))
        return new

    async def rm(self, thread_id: str) -> None:
        """Remove everything that is kept of a thread.

        Raises:
            UserError: When there is no such thread, or a run is going on on it.
        """
        with suppress(DamagedError):  # it is removed, too
            await self.get(thread_id)
        store = await self._store()
        async with store.hold(thread_id):
            await store.rm(thread_id)

    async def prune(self, *, older_than_s: float, keep: int = 0) -> list[str]:
        """Remove threads that nobody has used for a while, and return their ids.

        Threads that are run now, or are damaged, are left alone.

        Args:
            older_than_s: Seconds since their last change, at least.
            keep: How many of the newest are left in any case.
        """
        gone: list[str] = []
        for row in [row for row in await self.ls() if row.damage is None][keep:]:
            if time.time() - row.updated < older_than_s or await self.is_running(row.thread_id):
                continue
            with suppress(UserError):  # somebody runs it, or has removed it, since
                await self.rm(row.thread_id)
                gone.append(row.thread_id)
        return gone

    async def aclose(self) -> None:
        """Let go of the store on this event loop; the last one that uses it closes it."""
        await self._storage.aclose()

    async def _chosen(self, thread_id: str, number: int | None) -> Step:
        """Return a step that can be forked, by its number; None for the last one."""
        steps = await self.steps(thread_id)
        if not steps:
            remove = command(f"threads rm {thread_id}", self._storage.url)
            said = f"The thread {thread_id!r} has no steps, or none any more: it can't be forked."
            raise UserError(said, hint=f"Remove it: {remove}" if remove else None)
        found = [one for one in steps if number is None or one.number == number]
        if not found:
            numbers = f"{steps[0].number} to {steps[-1].number}"
            raise UserError(f"The thread {thread_id!r} has no step {number}; it has: {numbers}.")
        chosen = found[-1]
        if chosen.damage is not None:
            whole = ", ".join(str(one.number) for one in steps if one.damage is None) or "none"
            raise DamagedError(
                f"The step {chosen.number} of the thread {thread_id!r} is damaged; steps that can "
                f"be forked: {whole}."
            )
        return chosen

    async def _row(self, thread_id: str, step: Step) -> ThreadRow:
        """Return what is known of a thread; of one whose row is damaged, what a step tells."""
        try:
            return await self.get(thread_id)
        except DamagedError:
            now = time.time()
            return ThreadRow(
                thread_id=thread_id,
                created=now,
                updated=now,
                question=step.question,
                status="running",
                runs=1,
                attempts=1,
                config="",
            )

    async def _found(self, thread_id: str) -> ThreadRow | None:
        """Return what is known of a thread, or None.

        Raises:
            StoreError: When its row is damaged, or lost: its steps are there without it.
        """
        row = await (await self._index()).get(check_thread_id(thread_id))
        if row is None and await are_left(await self._store(), thread_id):
            raise damaged(self._storage.url, thread_id, MISSING, see="fork")
        return row

    async def _store(self) -> Store:
        return await self._storage.opened()

    async def _index(self) -> ThreadIndex:
        index = (await self._store()).index
        if index is None:
            raise UserError("This store keeps no list of its threads.")
        return index
