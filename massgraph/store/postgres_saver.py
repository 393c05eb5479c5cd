"""LangGraph's checkpointer on PostgreSQL, with seals and whole errors."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from ..backends.errors import StoreError
from .postgres_complaints import as_store_error
from .postgres_connection import ANSWER_S, cut
from .postgres_cut import steady
from .postgres_hold import Holds
from .postgres_pool import Pool
from .saver import SealingSaver
from .seals import SEAL, SealedSerializer
from .to_the_end import to_the_end

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

T = TypeVar("T")


class _SteadySaver(AsyncPostgresSaver):
    """LangGraph's checkpointer, over a server that is restarted.

    Its writes put the same rows in the same places, and may be repeated. Whoever is cancelled while
    there is no connection does not wait for one.

    Args:
        pool: The connections.
        holds: Of the store.
    """

    def __init__(self, pool: Pool, holds: Holds) -> None:
        super().__init__(pool, serde=SealedSerializer())
        self._pool, self._holds = pool, holds
        self._turn = asyncio.Lock()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        def write(saver: AsyncPostgresSaver) -> Coroutine[Any, Any, RunnableConfig]:
            return AsyncPostgresSaver.aput(saver, config, checkpoint, metadata, new_versions)

        return await self._write(config["configurable"]["thread_id"], write)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        def write(saver: AsyncPostgresSaver) -> Coroutine[Any, Any, None]:
            return AsyncPostgresSaver.aput_writes(saver, config, writes, task_id, task_path)

        await self._write(config["configurable"]["thread_id"], write)

    async def adelete_thread(self, thread_id: str) -> None:
        def write(saver: AsyncPostgresSaver) -> Coroutine[Any, Any, None]:
            return AsyncPostgresSaver.adelete_thread(saver, thread_id)

        await self._write(thread_id, write)

    async def _write(
        self, thread_id: str, write: Callable[[AsyncPostgresSaver], Coroutine[Any, Any, T]]
    ) -> T:
        return await steady(self._holds, thread_id, lambda: self._written(thread_id, write))

    async def _written(
        self, thread_id: str, write: Callable[[AsyncPostgresSaver], Coroutine[Any, Any, T]]
    ) -> T:
        """Write on one connection, as LangGraph's does where it is given no pool."""
        async with self._turn, self._pool.connection() as connection:
            self._holds.check(thread_id)
            bound = copy.copy(self)
            bound.conn, bound.lock = connection, asyncio.Lock()
            return await to_the_end(write(bound), late_s=ANSWER_S, late=partial(cut, connection))


class PostgresSaver(SealingSaver, _SteadySaver):
    """LangGraph's checkpointer on PostgreSQL.

    Args:
        pool: Its connections.
        holds: Of the store.
    """

    def __init__(self, pool: Pool, holds: Holds) -> None:
        super().__init__(pool, holds)
        self.url = pool.url

    def _failure(self, exc: Exception) -> StoreError | None:
        return as_store_error(self.url, exc) if isinstance(exc, psycopg.Error) else None

    def _beside(self, checkpoint: Checkpoint) -> Any:
        """Return what is stored as JSON: all but the values that have blobs of their own."""
        plain: dict[str, Any] = {**checkpoint}
        plain.pop(SEAL, None)
        values = plain.pop("channel_values")
        inline = {
            name: value
            for name, value in values.items()
            if value is None or isinstance(value, str | int | float | bool)
        }
        return [plain, inline]
