"""Store: what keeps threads, and what is known of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from ..graphs.running import Status
    from ..nodes.journal import Journal
    from ..nodes.state import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadRow:
    """What is known of a thread.

    Args:
        thread_id: Its id.
        created: When its first question was asked, in seconds since 1970.
        updated: When its last run began, went on or ended.
        question: The last question.
        status: The outcome of the last run; `running` until it has one, also after its process
            has died.
        runs: How many questions were asked, 1 or more.
        attempts: How often the last run was begun or gone on with, 1 or more.
        config: What made its team, as JSON without keys; None when it was not made of a config,
            "" when that is not known any more: the thread it was forked from has lost its row.
        result: The result of the last run, when it has ended; while it goes on, what it had when it
            was cancelled.
        forked_from: The thread that it was forked from.
        asked: The last conversation that was asked, as JSON.
        before: The thread's newest checkpoint when it was asked: as long as it is the newest,
            nothing of the run is stored.
        damage: What is wrong with the row; nothing else than the id is known then. Never stored.
    """

    thread_id: str
    created: float
    updated: float
    question: str
    status: Status
    runs: int
    attempts: int
    config: str | None = None
    result: dict[str, Any] | None = None
    forked_from: str | None = None
    asked: str | None = None
    before: str | None = None
    damage: str | None = None


class ThreadIndex(ABC):
    """A row for each thread; each change is on the disk when its method returns.

    Every method raises StoreError when the store cannot be reached, or a row is damaged.
    """

    @abstractmethod
    async def begin(
        self,
        thread_id: str,
        question: str,
        config: str | None,
        *,
        asked: str | None = None,
        before: str | None = None,
    ) -> ThreadRow:
        """Note that a question is asked, on a new thread or an old one: a run begins.

        See ThreadRow for what is noted.
        """

    @abstractmethod
    async def resume(self, thread_id: str) -> ThreadRow:
        """Note that the last run goes on: `attempts` is one more.

        Raises:
            UserError: When there is no such thread.
        """

    @abstractmethod
    async def finish(self, thread_id: str, outcome: RunOutcome, result: dict[str, Any]) -> None:
        """Note how the last run has ended."""

    @abstractmethod
    async def fork(self, thread_id: str, row: ThreadRow) -> None:
        """Add the row of a thread that was forked from `row`; it is `running` until it ends.

        Raises:
            UserError: When there is a thread of that id already.
        """

    @abstractmethod
    async def get(self, thread_id: str) -> ThreadRow | None:
        """Return a thread's row, or None."""

    @abstractmethod
    async def ls(self, *, limit: int | None = None) -> list[ThreadRow]:
        """Return the threads, damaged ones first, then the one that changed last."""


class Store(ABC):
    """What keeps threads, opened on one event loop.

    Args:
        url: Where it is, without a password, for messages.
        saver: LangGraph's checkpointer.
        journal: The replies; None where a person gave a checkpointer alone.
        index: The threads; None where a person gave a checkpointer alone.
    """

    url: str
    saver: BaseCheckpointSaver[Any]
    journal: Journal | None = None
    index: ThreadIndex | None = None

    @abstractmethod
    def hold(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Hold a thread while the block runs: one run at a time, in all processes.

        The hold ends with its process, however that dies.

        Raises:
            UserError: When a run is going on on the thread already.
        """

    @abstractmethod
    async def is_held(self, thread_id: str) -> bool:
        """Return whether a run is going on on a thread, in this process or another one.

        A thread that is `running` and not held was interrupted.
        """

    async def row(self, thread_id: str) -> ThreadRow | None:
        """Return what is known of a thread; None where nothing is, or no index is kept.

        Raises:
            StoreError: When the store cannot be reached, or the row is damaged.
        """
        return None if self.index is None else await self.index.get(thread_id)

    async def checkpoints(self, thread_id: str) -> list[str]:
        """Return the ids of a thread's checkpoints, the oldest first, damaged ones included."""
        place: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        return [one.checkpoint["id"] async for one in self.saver.alist(place)][::-1]

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a thread's run that was cancelled is under way any more."""

    @abstractmethod
    async def trim(self, thread_id: str) -> None:
        """Remove what only a run that goes on needs: the checkpoints of subgraphs."""

    @abstractmethod
    async def rm(self, thread_id: str) -> None:
        """Remove everything of a thread: checkpoints, replies and its row."""

    @abstractmethod
    async def check(self, thread_id: str) -> list[str]:
        """Return what is wrong with what is stored of a thread: damaged or missing rows.

        Raises:
            AwayError: When the store cannot be used now: nothing is known then.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close what is open."""

    def abandon(self) -> None:
        """Let go of what is open without waiting: its event loop was closed before it."""


class Storage(ABC):
    """A place for threads, opened once for each event loop that needs it.

    Several may use one object at once. Each of them holds what it has opened until it lets go; the
    last one on an event loop closes the loop's store. `Lease` is a share of that kind; the object
    itself is another one, of whoever calls its `opened` and `aclose`.

    Args:
        url: Where it is, without a password, for messages.
    """

    url: str

    @property
    def key(self) -> object:
        """What two objects share that stand for the same place."""
        return self

    @abstractmethod
    async def opened(self) -> Store:
        """Return the running loop's store, opened if it is not; it stays open until `aclose`.

        Raises:
            StoreError: When it cannot be reached.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the running loop's store; it is closed unless somebody else holds it."""

    async def opened_for(self, holder: object) -> Store:
        """Return the running loop's store; it stays open until this holder lets go of it.

        What has nothing to close need not know its holders.
        """
        return await self.opened()

    async def let_go(self, holder: object) -> None:
        """Let go of the running loop's store for a holder."""
        await self.aclose()
