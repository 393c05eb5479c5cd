"""The contract: cancellation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from massgraph.backends.base import ToolSchema
from massgraph.backends.fold import fold
from tests.wire.turn import WireTurn

from .asking import LONG, WEATHER, call, collect, first_words, listen
from .harness import Part

IN_A_TEXT = WireTurn(text=LONG, end="stall", after=60)
IN_A_CALL = WireTurn(calls=[("weather", {"city": LONG})], end="stall", after=60)
BEFORE_ALL = WireTurn(text=LONG, delay_s=3600)
IN_SILENCE = WireTurn(end="stall", after=0)


class Stopping(Part):
    """A call that is stopped stops at the provider, at once."""

    @pytest.mark.parametrize("turn", [IN_A_TEXT, IN_A_CALL], ids=["text", "call"])
    async def test_closing_the_stream(self, turn: WireTurn) -> None:
        """Closing the iterator in the middle stops the call."""
        self._needs_to_hang(turn)
        async with self.harness.opened(turn) as backend:
            stream = call(backend, *self._tools(turn))
            await first_words(stream)
            began = time.perf_counter()
            await stream.aclose()
            await self._assert_stopped(began)

    @pytest.mark.parametrize("turn", [IN_A_TEXT, IN_A_CALL], ids=["text", "call"])
    async def test_cancelling_the_task(self, turn: WireTurn) -> None:
        """Cancelling the task that reads stops the call, and goes on upwards."""
        self._needs_to_hang(turn)
        async with self.harness.opened(turn) as backend:
            talking = asyncio.Event()
            task = asyncio.create_task(listen(backend, talking, *self._tools(turn)))
            await asyncio.wait_for(talking.wait(), 30)
            await self._cancel(task)

    @pytest.mark.parametrize("turn", [BEFORE_ALL, IN_SILENCE], ids=["no-answer", "silence"])
    async def test_cancelling_while_nothing_is_said(self, turn: WireTurn) -> None:
        """A provider that says nothing can be left at once, before its headers and after them."""
        self.harness.needs()
        async with self.harness.opened(turn) as backend:
            await backend.prepare()
            task = asyncio.create_task(collect(backend))
            await self.harness.assert_asked()
            await asyncio.sleep(0.02)  # for the headers to arrive, where any are sent
            await self._cancel(task)

    async def test_works_after_a_stopped_call(self) -> None:
        """A stopped call leaves the backend fit for the next one."""
        async with self.harness.opened(IN_A_TEXT, WireTurn(text="Again.")) as backend:
            stream = call(backend)
            await first_words(stream)
            await stream.aclose()
            turn = fold(await collect(backend))
        assert turn.text

    def _needs_to_hang(self, turn: WireTurn) -> None:
        if turn is IN_A_CALL:
            self.harness.needs("hangs")

    def _tools(self, turn: WireTurn) -> Sequence[ToolSchema]:
        return (WEATHER,) if turn.calls else ()

    async def _cancel(self, task: asyncio.Task[Any]) -> None:
        began = time.perf_counter()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await self._assert_stopped(began)

    async def _assert_stopped(self, began: float) -> None:
        assert time.perf_counter() - began < self.harness.patience_s
        await self.harness.assert_stopped()
