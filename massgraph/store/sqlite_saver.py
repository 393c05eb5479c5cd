"""LangGraph's checkpointer on SQLite, in a thread, with seals and whole errors."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from langgraph.checkpoint.base import BaseCheckpointSaver, get_checkpoint_id
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphs

from ..backends.errors import StoreError
from .complaints import damaged
from .saver import SealingSaver
from .seals import SealedSerializer
from .sqlite_database import as_store_error
from .to_the_end import to_the_end
from .work_thread import WorkThread

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )

NEWEST = "SELECT checkpoint_id FROM massgraph_latest WHERE thread_id = ?"


@dataclass(frozen=True, slots=True)
class _Dumped:
    """A checkpoint or a write that is serialized: by the time the thread has it, it may change."""

    blob: tuple[str, bytes]
    id: str = ""

    def __getitem__(self, key: Literal["id"]) -> str:
        return self.id


class _DumpedSerializer(SealedSerializer):
    """Takes what is serialized already as it is."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return obj.blob if isinstance(obj, _Dumped) else super().dumps_typed(obj)


class _Rows(LangGraphs):
    """LangGraph's synchronous checkpointer, used in one thread; a call is stored whole or not."""

    def __init__(self, url: str, connection: sqlite3.Connection) -> None:
        super().__init__(connection, serde=_DumpedSerializer())
        self._url = url

    @contextmanager
    def cursor(self, transaction: bool = True) -> Generator[sqlite3.Cursor]:
        """Lend a cursor; what it has written is stored at the end, unless something was raised."""
        self.setup()
        with self.conn, closing(self.conn.cursor()) as cursor:
            yield cursor

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, or None.

        Raises:
            StoreError: When the newest one is wanted, and what is found was not the newest.
        """
        place = config["configurable"]
        if get_checkpoint_id(config) or place.get("checkpoint_ns", ""):
            return super().get_tuple(config)
        self.setup()
        with self.conn:
            self.conn.execute("BEGIN")  # the note and the checkpoint are of one state
            noted = self.conn.execute(NEWEST, (str(place["thread_id"]),)).fetchone()
            found = super().get_tuple(config)
        if (noted and noted[0]) != (found and found.config["configurable"]["checkpoint_id"]):
            what = "its newest checkpoint is missing"
            raise damaged(self._url, str(place["thread_id"]), what)
        return found


class _ThreadSaver(BaseCheckpointSaver[str]):
    """LangGraph's synchronous checkpointer, each of whose calls is one piece of work of a thread.

    Its own asynchronous one goes to a thread and back for each statement, cursor and commit: 287
    times in a run of three agents, where this one does 77 times. What is written is written to its
    end, whoever is cancelled meanwhile.
    """

    def __init__(self, connection: sqlite3.Connection, thread: WorkThread) -> None:
        self._rows, self._thread = _Rows(thread.url, connection), thread
        super().__init__(serde=self._rows.serde)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Self:
        clone: Any = super().with_allowlist(extra_allowlist)
        if clone is not self:
            clone._rows = self._rows.with_allowlist(extra_allowlist)
        found: Self = clone
        return found

    def get_next_version(self, current: str | None, channel: None) -> str:
        return self._rows.get_next_version(current, channel)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._thread.do(self._rows.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        def work() -> list[CheckpointTuple]:
            return list(self._rows.list(config, filter=filter, before=before, limit=limit))

        for found in await self._thread.do(work):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        dumped: Any = _Dumped(self.serde.dumps_typed(checkpoint), checkpoint["id"])
        work = self._thread.do(self._rows.put, config, dumped, metadata, new_versions)
        return await to_the_end(work)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        dumped = [(channel, _Dumped(self.serde.dumps_typed(value))) for channel, value in writes]
        work = self._thread.do(self._rows.put_writes, config, dumped, task_id, task_path)
        await to_the_end(work)

    async def adelete_thread(self, thread_id: str) -> None:
        await to_the_end(self._thread.do(self._rows.delete_thread, thread_id))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        def work() -> Mapping[str, DeltaChannelHistory]:
            return self._rows.get_delta_channel_history(config=config, channels=channels)

        return await self._thread.do(work)


class SqliteSaver(SealingSaver, _ThreadSaver):
    """LangGraph's checkpointer on SQLite.

    Args:
        connection: To the file, with implicit transactions, not bound to a thread.
        thread: Where it is used.
    """

    def __init__(self, connection: sqlite3.Connection, thread: WorkThread) -> None:
        super().__init__(connection, thread)
        self.url = thread.url

    def _failure(self, exc: Exception) -> StoreError | None:
        return as_store_error(self.url, exc) if isinstance(exc, sqlite3.Error) else None

    def _beside(self, checkpoint: Checkpoint) -> Any:
        return None  # all of it is in the blob
