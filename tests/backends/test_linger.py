"""A stream whose answer has ended is read to its own end, but not waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from massgraph.backends.linger import drain, to_the_end


async def stream(*items: int | Exception | None) -> AsyncIterator[int]:
    """Yield numbers, raise errors, and wait forever at None."""
    for item in items:
        if item is None:
            await asyncio.Event().wait()
        elif isinstance(item, Exception):
            raise item
        else:
            yield item


async def read(*items: int | Exception | None) -> list[int]:
    """Return what comes of a stream, whose answer ends with the number 9."""
    came: list[int] = []
    to_end = to_the_end(stream(*items), lambda: 0.01 if 9 in came else None, "It")
    async with aclosing(to_end) as numbers, asyncio.timeout(5):
        async for number in numbers:
            came.append(number)  # noqa: PERF401 - the answer ends with what has come
    return came


async def test_a_stream_that_ends() -> None:
    """All that it gives comes, what is behind the answer, too."""
    assert await read(1, 9, 2) == [1, 9, 2]
    assert await read(1) == [1]


async def test_what_happens_behind_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Silence and errors behind the answer do not matter; they are told to who asks."""
    caplog.set_level(logging.DEBUG, "massgraph")
    assert await read(1, 9, None) == [1, 9]
    assert await read(9, OSError("secret")) == [9]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        f"It did not end its stream: {what!r}" for what in ("TimeoutError", "OSError")
    ]


async def test_what_happens_within_the_answer() -> None:
    """An error is one; and a stream may be silent for as long as it likes."""
    with pytest.raises(OSError, match="gone"):
        await read(1, OSError("gone"))
    reading = asyncio.create_task(read(1, None))
    await asyncio.sleep(0.03)
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


# --- an answer that is known to be whole ---------------------------------------------------------


async def test_the_rest_is_dropped() -> None:
    """What stands behind the answer is read to the end, so that the connection can go on."""
    rest = stream(1, 2)
    await drain(rest, "It")
    assert [number async for number in rest] == []


@pytest.mark.parametrize("last", [None, OSError("secret")])
async def test_a_rest_that_does_not_end(
    last: Exception | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for, and no error: the answer is there."""
    monkeypatch.setattr("massgraph.backends.linger.LINGER_S", 0.01)
    caplog.set_level(logging.DEBUG, "massgraph")
    await drain(stream(1, last), "It")
    assert [record.getMessage() for record in caplog.records] == [
        f"It did not end its stream: {'OSError' if last else 'TimeoutError'!r}"
    ]


async def test_a_rest_that_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience is for all of it: a server that sends pings for ever holds nobody up."""

    async def pings() -> AsyncIterator[int]:
        while True:
            await asyncio.sleep(0.001)
            yield 1

    monkeypatch.setattr("massgraph.backends.linger.LINGER_S", 0.02)
    async with asyncio.timeout(5):
        await drain(pings(), "It")
