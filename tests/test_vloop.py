"""The virtual clock that other tests rely on."""

from __future__ import annotations

import asyncio
import time

import pytest

from . import vloop
from .vloop import run_virtual


def test_waiting_takes_no_time() -> None:
    """An hour passes in a moment, and timers fire in the order of their times."""
    order: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((name, asyncio.get_running_loop().time()))

    async def scenario() -> None:
        await asyncio.gather(wait("late", 3600), wait("early", 0.1), wait("tiny", 1e-7))

    began = time.perf_counter()
    run_virtual(scenario())
    assert time.perf_counter() - began < 2
    assert [name for name, _ in order] == ["tiny", "early", "late"]
    assert [at for _, at in order] == pytest.approx([1e-7, 0.1, 3600])


def test_timeouts() -> None:
    """A timeout fires at its time, and not before."""

    async def scenario() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.5):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == pytest.approx(2.5)


def test_a_thread_is_run_in_place() -> None:
    """Work for a thread is done at once; its exceptions come out where it is awaited."""

    async def scenario() -> None:
        assert await asyncio.to_thread(lambda: 7) == 7
        with pytest.raises(KeyError):
            await asyncio.to_thread(lambda: {}["x"])

    run_virtual(scenario())


def test_a_scenario_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario in which nothing can happen any more fails, and does not hang."""
    monkeypatch.setattr(vloop, "STUCK_AFTER_S", 0.05)
    with pytest.raises(RuntimeError, match="nothing is left"):
        run_virtual(_wait_for_ever())


async def _wait_for_ever() -> None:
    await asyncio.Event().wait()
