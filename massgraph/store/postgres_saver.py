"""LangGraph's checkpointer on PostgreSQL, with seals and whole errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg_pool import PoolTimeout

from ..backends.errors import StoreError
from .postgres_database import Pool, as_store_error
from .saver import SealingSaver
from .seals import SEAL, SealedSerializer

if TYPE_CHECKING:
    from langgraph.checkpoint.base import Checkpoint


class PostgresSaver(SealingSaver, AsyncPostgresSaver):
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
