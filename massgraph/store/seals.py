"""Seals on checkpoints: what LangGraph reads back is what it has written, or an error.

A blob carries a checksum of its own. What lies beside it in a row (ids, metadata, the channel of a
write) is sealed inside the blob, and compared when the row is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from langgraph.checkpoint.base import WRITES_IDX_MAP
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ..backends.errors import StoreError
from .sums import checksum, short_sum

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, CheckpointTuple, PendingWrite

TAG = "massgraph"
"""The type of a sealed blob, in the database."""

SEAL = "massgraph_seal"
"""The key of the seal in a stored checkpoint."""

SUM_BYTES = 8


class Place(NamedTuple):
    """Where a write belongs.

    Args:
        sum: Of its thread, checkpoint, task and channel.
        path: Its task's path: writes come in the order of path, task and number.
        number: Its number among the task's writes; less than 0 for LangGraph's own.
        numbers: The numbers of all writes that were stored with it.
    """

    sum: str
    path: str
    number: int
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class SealedWrite:
    """A write on its way to the database or back."""

    place: Place
    value: Any


class BrokenSealError(StoreError):
    """What was read is not what was written."""


class SealedSerializer(JsonPlusSerializer):
    """LangGraph's serializer, with a checksum on each blob; without pickle.

    The blobs of other serializers are read as they are.
    """

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return an object as a sealed blob."""
        place, value = (obj.place, obj.value) if isinstance(obj, SealedWrite) else (None, obj)
        kind, blob = super().dumps_typed(value)
        head = json.dumps([kind, place], separators=(",", ":")).encode()
        data = len(head).to_bytes(4, "big") + head + blob
        return TAG, short_sum(data) + data

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the object of a blob.

        Raises:
            BrokenSealError: When it is not what was written.
        """
        if data[0] != TAG:
            return self._foreign(data)
        blob = unsealed(data[1])
        size = int.from_bytes(blob[:4], "big")
        kind, place = json.loads(blob[4 : 4 + size])
        value = super().loads_typed((kind, blob[4 + size :]))
        return value if place is None else SealedWrite(Place(*place), value)

    def _foreign(self, data: tuple[str, bytes]) -> Any:
        try:
            return super().loads_typed(data)
        except Exception as exc:
            raise BrokenSealError(
                f"A checkpoint of the unknown type {data[0]!r} is stored: it is damaged, or not "
                "made by massgraph."
            ) from exc


def unsealed(blob: object) -> bytes:
    """Return a sealed blob without its checksum.

    Raises:
        BrokenSealError: When they do not fit.
    """
    if isinstance(blob, bytes | memoryview | bytearray):
        data = bytes(blob)
        if short_sum(data[SUM_BYTES:]) == data[:SUM_BYTES]:
            return data[SUM_BYTES:]
    raise BrokenSealError("a checkpoint is not what was written")


# --- checkpoints -----------------------------------------------------------------------------

Canon: TypeAlias = Callable[["Checkpoint"], Any]
"""Returns what of a checkpoint is not inside the sealed blob."""


def seal(config: RunnableConfig, checkpoint: Checkpoint, metadata: Any, canon: Canon) -> Checkpoint:
    """Return a checkpoint with the seal of what will lie beside it."""
    parent = config["configurable"].get("checkpoint_id")
    total = _row_sum(config, checkpoint, parent, metadata, canon)
    return cast("Checkpoint", {**checkpoint, SEAL: [parent, total]})


def opened(found: CheckpointTuple, canon: Canon) -> CheckpointTuple:
    """Return a checkpoint as it was before it was sealed.

    Raises:
        BrokenSealError: When it is not what was written.
    """
    checkpoint: Any = dict(found.checkpoint)
    sealed = checkpoint.pop(SEAL, None)
    if sealed is not None:
        parent, total = sealed
        if total != _row_sum(found.config, checkpoint, parent, found.metadata, canon):
            raise BrokenSealError(f"the row of its checkpoint {checkpoint['id']} has changed")
        actual = found.parent_config and found.parent_config["configurable"]["checkpoint_id"]
        if actual is not None and actual != parent:
            raise BrokenSealError(f"the checkpoint {checkpoint['id']} has another parent")
    if found.config["configurable"].get("checkpoint_id") != checkpoint.get("id"):
        raise BrokenSealError("a checkpoint has the id of another one")
    writes = None if found.pending_writes is None else _writes(found)
    return found._replace(checkpoint=checkpoint, pending_writes=writes)


def _row_sum(
    config: RunnableConfig, checkpoint: Checkpoint, parent: object, metadata: Any, canon: Canon
) -> str:
    place = config["configurable"]
    names = sorted(checkpoint["channel_values"])
    told = {key: value for key, value in metadata.items() if key != "writes"}
    beside = [told, names, canon(checkpoint)]
    return checksum(
        str(place["thread_id"]), place["checkpoint_ns"], checkpoint["id"], parent, _plain(beside)
    )


def _plain(value: object) -> str:
    """Return a value as JSON, the same before and after any database has kept it."""
    told = json.dumps(_numbers(value), sort_keys=True, ensure_ascii=False, default=str)
    return told.encode("utf-8", "ignore").decode().replace("\\u0000", "")


def _numbers(value: Any) -> Any:
    """Return a value with floats that are whole numbers as such: PostgreSQL does not tell them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {str(key): _numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(one) for one in value]
    return value


# --- writes ----------------------------------------------------------------------------------


def seal_writes(
    config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, path: str
) -> list[tuple[str, SealedWrite]]:
    """Return a task's writes with the place of each."""
    numbers = [WRITES_IDX_MAP.get(channel, number) for number, (channel, _) in enumerate(writes)]
    return [
        (channel, SealedWrite(Place(_sum(config, task_id, channel), path, number, numbers), value))
        for number, (channel, value) in zip(numbers, writes, strict=True)
    ]


def _writes(found: CheckpointTuple) -> list[PendingWrite]:
    """Return the pending writes of a checkpoint, each where it belongs.

    A task whose writes are all lost is not found out: it runs again, and its replies come from
    the journal.

    Raises:
        BrokenSealError: When a write is another one's, or a part of a task's writes is missing.
    """
    plain: list[PendingWrite] = []
    there: dict[str, list[int]] = {}
    wanted: dict[str, set[int]] = {}
    order: list[tuple[str, str, int]] = []
    for task_id, channel, value in found.pending_writes or ():
        if not isinstance(value, SealedWrite):
            plain.append((task_id, channel, value))
            continue
        place = value.place
        if place.sum != _sum(found.config, task_id, channel):
            raise BrokenSealError("a write of its last step belongs elsewhere")
        order.append((place.path, task_id, place.number))
        there.setdefault(task_id, []).append(place.number)
        wanted.setdefault(task_id, set()).update(place.numbers)
        plain.append((task_id, channel, value.value))
    if order != sorted(order) or any(sorted(wanted[task]) != sorted(there[task]) for task in there):
        raise BrokenSealError("a write of its last step is missing, or out of order")
    return plain


def plain_writes(writes: Iterable[PendingWrite]) -> list[PendingWrite]:
    """Return writes without their places."""
    return [
        (task_id, channel, value.value if isinstance(value, SealedWrite) else value)
        for task_id, channel, value in writes
    ]


def _sum(config: RunnableConfig, task_id: str, channel: str) -> str:
    place = config["configurable"]
    ids = str(place["thread_id"]), place.get("checkpoint_ns", ""), str(place["checkpoint_id"])
    return checksum(*ids, task_id, channel)[:16]
