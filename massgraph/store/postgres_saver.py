"""LangGraph's checkpointer on PostgreSQL, with seals and whole errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg_pool import PoolTimeout

from ..backends.errors import StoreError
from .postgres_complaints import as_store_error
from .postgres_cut import once_more
from .postgres_pool import Pool
from .saver import SealingSaver
from .seals import SEAL, SealedSerializer

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata


class _SteadySaver(AsyncPostgresSaver):
    """LangGraph's checkpointer, over a server that is restarted.

    Its writes put the same rows in the same places, and may be repeated.
    """

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        write = super().aput
        return await once_more(lambda: write(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        write = super().aput_writes
        await once_more(lambda: write(config, writes, task_id, task_path))


class PostgresSaver(SealingSaver, _SteadySaver):
    """LangGraph's checkpointer on PostgreSQL.

    Args:
        url: Where it is, without a password.
        pool: Its connections.
    """

    def __init__(self, url: str, pool: Pool) -> None:
        super().__init__(pool, serde=SealedSerializer())
        self.url = url

    def _failure(self, exc: Exception) -> StoreError | None:
        if isinstance(exc, psycopg.Error | PoolTimeout):
            return as_store_error(self.url, exc)
        return None

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
