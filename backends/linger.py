"""The end of a stream whose answer is whole: read so that its connection can be used again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")

LINGER_S = 0.5
"""Seconds to wait for the end of a stream whose answer has ended; then the connection is lost."""

logger = logging.getLogger("massgraph")


async def to_the_end(
    stream: AsyncIterator[T], patience_s: Callable[[], float | None], server: str
) -> AsyncGenerator[T]:
    """Yield what a stream gives, to its own end, which is not waited for once the answer has ended.

    Args:
        stream: The stream.
        patience_s: Returns the seconds to wait for more, if what was given so far is the whole
            answer, and None while it is not; behind it, what goes wrong does not matter.
        server: Whose stream it is, in words.
    """
    while True:
        seconds = patience_s()
        try:
            async with asyncio.timeout(seconds):
                item = await anext(stream)
        except StopAsyncIteration:
            return
        except Exception as exc:
            if seconds is None:
                raise
            _tell(exc, server)
            return
        yield item


async def drain(stream: AsyncIterator[object], server: str) -> None:
    """Read a stream whose answer is whole to its own end, for `LINGER_S` in all.

    Args:
        stream: The stream; what it still gives, and what goes wrong, does not matter.
        server: Whose stream it is, in words.
    """
    try:
        async with asyncio.timeout(LINGER_S):
            async for _ in stream:
                pass
    except Exception as exc:
        _tell(exc, server)


def _tell(exc: Exception, server: str) -> None:
    logger.debug("%s did not end its stream: %r", server, type(exc).__name__)
