"""What every checkpointer of ours does beside its own work: seals, and whole errors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver, get_checkpoint_metadata

from ..backends.errors import StoreError
from .complaints import damaged, one_line
from .seals import BrokenSealError, opened, plain_writes, seal, seal_writes
from .writes import Writes

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )


PLACE = ("thread_id", "checkpoint_ns", "checkpoint_id")
"""What of a config tells where a checkpoint belongs."""


class SealingSaver(BaseCheckpointSaver[str]):
    """Goes before a checkpointer of LangGraph among a class's bases; that one writes to the end.

    Args:
        url: Where it is, without a password, for messages.
    """

    url: str

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._writes = Writes()

    async def idle(self, thread_id: str) -> None:
        """Wait until no write of a thread is under way: LangGraph leaves some when cancelled."""
        await self._writes.idle(thread_id)

    def _counted(self, config: RunnableConfig) -> AbstractContextManager[None]:
        return self._writes.counted(_thread(config))

    @abstractmethod
    def _failure(self, exc: Exception) -> StoreError | None:
        """Return an exception of the database as a StoreError, or None when it is another one."""

    @abstractmethod
    def _beside(self, checkpoint: Checkpoint) -> Any:
        """Return what of a checkpoint is stored outside its sealed blobs, as plain JSON."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, or None.

        Raises:
            StoreError: When it cannot be read, or is not what was written.
        """
        with self._reading(config):
            found = await super().aget_tuple(config)
            return None if found is None else opened(found, self._beside)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, the newest first; all are read before the first is handed out.

        (LangGraph's own keep the connection meanwhile: whoever asks for another one waits forever.)

        Raises:
            StoreError: When one cannot be read, or is not what was written.
        """
        with self._reading(config):
            listed = super().alist(config, filter=filter, before=before, limit=limit)
            found = [opened(one, self._beside) async for one in listed]
        for one in found:
            yield one

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint.

        What else a config holds is left out: a graph that asks the team may have keys in its own.

        Raises:
            StoreError: When it cannot be stored.
        """
        bare = _bare(config)
        told = get_checkpoint_metadata(bare, metadata)
        sealed = seal(bare, checkpoint, told, self._beside)
        with self._telling(config), self._counted(config):
            return await super().aput(bare, sealed, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store a task's writes.

        Raises:
            StoreError: When they cannot be stored.
        """
        sealed = seal_writes(config, writes, task_id, task_path)
        with self._telling(config), self._counted(config):
            await super().aput_writes(config, sealed, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove a thread's checkpoints.

        Raises:
            StoreError: When they cannot be removed.
        """
        with self._telling({"configurable": {"thread_id": thread_id}}):
            await super().adelete_thread(thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Return the writes of channels that are stored as differences.

        Raises:
            StoreError: When they cannot be read, or are not what was written.
        """
        with self._reading(config):
            found = await super().aget_delta_channel_history(config=config, channels=channels)
        told: dict[str, DeltaChannelHistory] = {}
        for channel, history in found.items():
            told[channel] = {**history, "writes": plain_writes(history["writes"])}
        return told

    @contextmanager
    def _telling(self, config: RunnableConfig | None) -> Generator[None]:
        """Raise what goes wrong with the database as a StoreError."""
        try:
            yield
        except BrokenSealError as exc:
            raise damaged(self.url, _thread(config), one_line(exc)) from exc
        except Exception as exc:
            told = self._failure(exc)
            if told is None:
                raise
            raise told from exc

    @contextmanager
    def _reading(self, config: RunnableConfig | None) -> Generator[None]:
        """Raise what cannot be read as a StoreError, too."""
        try:
            with self._telling(config):
                yield
        except (TypeError, ValueError) as exc:
            what = f"a row of its checkpoints can't be read ({type(exc).__name__})"
            raise damaged(self.url, _thread(config), what) from exc


def _bare(config: RunnableConfig) -> RunnableConfig:
    """Return where a checkpoint belongs, and nothing else that a config holds."""
    place = config["configurable"]
    return {"configurable": {name: place[name] for name in PLACE if name in place}}


def _thread(config: RunnableConfig | None) -> str:
    return str((config or {}).get("configurable", {}).get("thread_id", "?"))
