"""Keeping: where a team keeps the threads of its runs and their records, and what keeps one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backends.errors import UserError
from .graphs.keeping import NOTHING, Keeper
from .record.records import Records
from .store.base import Storage
from .store.given import GivenStorage
from .store.lease import Lease
from .thread_ids import check_thread_id, new_thread_id, one_run_at_a_time

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage
    from langgraph.checkpoint.base import BaseCheckpointSaver


class Keeping:
    """Where the threads of a team's runs are kept, and their records, if anywhere.

    Args:
        checkpointer: A checkpointer for threads; or
        db: Where they are kept, replies included.
        records: The folder of the records.

    Raises:
        UserError: When a checkpointer and a db are given, or the db is none.
    """

    def __init__(
        self,
        checkpointer: BaseCheckpointSaver[Any] | None,
        db: str | Storage | None,
        records: str | Path | Records | None,
    ) -> None:
        self.storage = _storage(checkpointer, db)
        self._records = Records.of(records)

    def thread(self, named: str | None, *, asked: bool) -> str:
        """Return the thread of a run: the one that is named, or a new one.

        Args:
            named: Its id.
            asked: Whether there is a question; without one the thread's last run goes on.

        Raises:
            UserError: When it can't be one, or is missing, or no threads are kept.
        """
        if named is None:
            if not asked:
                hint = "To go on with a run, name its thread."
                raise UserError("There is no question.", hint=hint)
            return new_thread_id()
        check_thread_id(named)
        if self.storage is None:
            raise UserError(
                "A thread_id needs a place to keep threads.",
                hint="Give the team a checkpointer, or db='memory:'.",
            )
        return named

    def hold(self, thread_id: str) -> Callable[[], None]:
        """Hold a thread for a run of this process, and return what lets go of it.

        Raises:
            UserError: When a run is going on on the thread already.
        """
        held = ExitStack()
        if self.storage is not None:
            held.enter_context(one_run_at_a_time(self.storage.key, thread_id))
        return held.close

    def keeper(
        self, thread_id: str, messages: Sequence[AnyMessage] | None, config: str | None
    ) -> Keeper:
        """Return what keeps a run.

        Args:
            thread_id: Its thread.
            messages: The conversation that is asked; None goes on with the thread's last run.
            config: What made the team, as JSON without keys.
        """
        if self.storage is None and self._records is None:
            return NOTHING
        from .stored_run import StoredRun

        return StoredRun(
            self.storage, thread_id, messages=messages, config=config, records=self._records
        )

    async def aclose(self) -> None:
        """Let go of the store on this event loop; the last one that uses it closes it."""
        if self.storage is not None:
            await self.storage.aclose()


def _storage(
    checkpointer: BaseCheckpointSaver[Any] | None, db: str | Storage | None
) -> Storage | None:
    """Return where threads are kept, if they are."""
    if checkpointer is not None and db is not None:
        raise UserError("Give a checkpointer or a db, not both.")
    if isinstance(db, str):
        from .store.opening import open_storage

        db = open_storage(db)
    if checkpointer is not None:
        return GivenStorage(checkpointer)
    return None if db is None else Lease(db)
