"""The event loop behind `run` and `stream`: what interrupts a wait leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.messages import AnyMessage

from massgraph import Agent, LLMBackend, StreamChunk, Team, ToolSchema, loops
from massgraph.backends.chunks import ContentChunk
from massgraph.loops import LoopThread, _Call, run_anywhere
from massgraph.nodes.events import Event


def interrupt() -> None:
    """Press Ctrl-C: the main thread gets a KeyboardInterrupt, whatever it waits for."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Any:
    """Every thread ends, and with a loop's thread all of its tasks."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


class Interrupted(LLMBackend):
    """Says a word, and then nothing; its user loses patience.

    Args:
        impatient: Whether it is the provider's silence that makes the user press Ctrl-C.
    """

    def __init__(self, *, impatient: bool) -> None:
        super().__init__()
        self._impatient = impatient
        self.closed: list[str] = []

    @property
    def provider_name(self) -> str:
        return "silent"

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        try:
            yield ContentChunk("hm")
            if self._impatient:
                asyncio.get_running_loop().call_soon(interrupt)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.closed.append("stream")

    async def aclose(self) -> None:
        self.closed.append("backend")


def test_what_interrupts_a_wait_cancels_the_coroutine_and_waits_for_its_end() -> None:
    """The interruption comes out only after the coroutine's own clearing up."""
    steps: list[str] = []

    async def work() -> None:
        try:
            interrupt()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            steps.append("cleared up")

    with LoopThread() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.call(work())
        assert steps == ["cleared up"]


def test_a_coroutine_that_ends_in_spite_of_its_cancellation_is_no_result() -> None:
    """The interruption comes out all the same."""

    async def stubborn() -> str:
        try:
            interrupt()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        return "done"

    with LoopThread() as loop, pytest.raises(KeyboardInterrupt):
        loop.call(stubborn())


@pytest.mark.parametrize("begun", [True, False])
async def test_a_coroutine_that_never_took_a_step_holds_up_no_wait(begun: bool) -> None:
    """It is closed, whether the interruption came before its task was made or right after."""
    steps: list[bool] = []

    async def never() -> None:
        steps.append(True)

    call = _Call(never(), asyncio.get_running_loop())
    if begun:
        call.begin()
    call.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert call.ended.is_set()
    assert not steps


def test_a_coroutine_that_cancels_itself_ends_the_wait() -> None:
    """Its cancellation comes out."""

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with LoopThread() as loop, pytest.raises(asyncio.CancelledError):
        loop.call(cancelled())


@pytest.mark.parametrize("error", [ValueError("x"), StopAsyncIteration(), SystemExit(3)])
def test_exceptions_come_out_as_they_are(error: BaseException) -> None:
    """Also those that would end an event loop."""

    async def raises() -> None:
        raise error

    with LoopThread() as loop:
        with pytest.raises(type(error)) as caught:
            loop.call(raises())
        assert caught.value is error


def test_leaving_ends_the_tasks_the_generators_and_the_threads_of_the_loop() -> None:
    """As `asyncio.run` does."""
    ended: list[str] = []

    async def task() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append("task")

    async def generator() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.append("generator")

    kept: list[object] = []

    async def begin() -> None:
        kept.append(asyncio.create_task(task()))
        kept.append(values := generator())
        await anext(values)
        await asyncio.to_thread(lambda: None)

    with LoopThread() as loop:
        loop.call(begin())
    assert ended == ["task", "generator"]


def test_the_exception_of_a_task_that_was_left_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """It is not lost, and keeps nothing from ending."""

    async def task() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("on the way out")

    kept: list[object] = []

    async def begin() -> None:
        kept.append(asyncio.create_task(task()))
        await asyncio.sleep(0)

    with LoopThread() as loop:
        loop.call(begin())
    assert "on the way out" in caplog.text


def test_an_interrupted_run_inside_a_running_loop_closes_its_provider() -> None:
    """As in a notebook: the interruption comes out, and provider and backend are closed."""
    backend = Interrupted(impatient=True)

    async def cell() -> None:
        with pytest.raises(KeyboardInterrupt):
            Team([Agent("alice", backend)]).run("Q?")
        assert asyncio.all_tasks() == {asyncio.current_task()}

    loop = asyncio.new_event_loop()  # `asyncio.run` would handle the first Ctrl-C itself
    loop.run_until_complete(cell())
    loop.close()
    assert backend.closed == ["stream", "backend"]


def test_an_interrupted_run_closes_its_provider() -> None:
    """Also on a loop of its own."""
    backend = Interrupted(impatient=True)
    with pytest.raises(KeyboardInterrupt):
        Team([Agent("alice", backend)]).run("Q?")
    assert backend.closed == ["stream", "backend"]


def test_an_interrupted_stream_closes_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the reader waits for the next event."""
    backend = Interrupted(impatient=False)
    waiting = False

    async def next_event(events: AsyncIterator[Event]) -> Event:
        if waiting:
            asyncio.get_running_loop().call_soon(interrupt)
        return await anext(events)

    monkeypatch.setattr(loops, "_next", next_event)
    events = Team([Agent("alice", backend)]).stream("Q?")
    assert "agent_text" in (next(events).type for _ in range(10))
    waiting = True
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert backend.closed == ["stream", "backend"]


def test_run_anywhere_gives_the_result() -> None:
    """With a running loop and without one; what was opened is closed where it was."""
    closed: list[asyncio.AbstractEventLoop] = []
    worked: list[asyncio.AbstractEventLoop] = []

    async def two() -> int:
        worked.append(asyncio.get_running_loop())
        return 2

    async def close() -> None:
        closed.append(asyncio.get_running_loop())

    async def outer() -> int:
        return run_anywhere(two, close)

    assert run_anywhere(two, close) == asyncio.run(outer()) == 2
    assert len(closed) == 2
    assert closed == worked
