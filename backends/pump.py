"""A stream that is read in a task of its own, and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()
_PATIENCE_S = 0.005
"""Seconds until a cancellation counts as lost, the first time."""


async def pumped(stream: AsyncIterator[T]) -> AsyncGenerator[T]:
    """Give out what a stream gives, which is read in one task, whoever asks here.

    To close an async generator from outside does not close those that it reads from: they wait for
    the garbage collector. A task that is cancelled stands in the innermost one, at the socket, and
    everything on the way out is closed at once.

    Args:
        stream: The stream; nobody else may read it. It is never told to wait: what it gives is
            kept until somebody asks.
    """
    items: asyncio.Queue[Any] = asyncio.Queue()
    reading = asyncio.create_task(_read(stream, items))
    try:
        while (item := await items.get()) is not _END:
            yield item
        await reading  # raises what the stream raised
    finally:
        await _stop(reading)


async def _read(stream: AsyncIterator[T], items: asyncio.Queue[Any]) -> None:
    try:
        async for item in stream:
            items.put_nowait(item)
    finally:
        items.put_nowait(_END)


async def _stop(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; being cancelled meanwhile comes after that.

    Asked again and again: `asyncio.wait_for` of Python 3.11, which integrations put around each
    piece of a stream, loses a cancellation that comes together with what it waits for.
    """
    cancelled, patience_s = False, _PATIENCE_S
    while not task.done():
        task.cancel()
        try:
            await asyncio.wait({task}, timeout=patience_s)
        except asyncio.CancelledError:
            cancelled = True
        patience_s = min(2 * patience_s, 1.0)
    if not task.cancelled():
        task.exception()  # seen: whoever wanted it has had it
    if cancelled:
        raise asyncio.CancelledError
