"""Every way to run a team: alone, within a loop, from threads, event by event, by a handle."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from massgraph import Agent, Event, Policy, Result, RunError, ScriptedBackend, Team
from massgraph.backends.chunks import ContentChunk, StreamChunk

from ..protocol.stage import Actor, Improvised, answer, check, drafts, vote
from ..vloop import run_virtual


def quick() -> Team:
    """Return a team that settles at once."""
    votes = vote("agent1", when="answers")
    alice = [answer("A.", when="no_answers"), votes, {"text": "Final.", "when": "present"}]
    scripts = {"alice": alice, "bob": [answer("B.", when="no_answers"), votes]}
    return Team([Agent(name, Actor(script)) for name, script in scripts.items()])


def stuck() -> tuple[Team, Actor]:
    """Return a team that waits for one silent provider, and the provider."""
    silent = Actor([{"text": "Well", "hang": True}])
    return Team([Agent("alice", Actor([answer("A.")])), Agent("bob", silent)]), silent


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    """Assert that a test leaves no thread behind."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


# --- one call ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_thread_is_left")
def test_running_twice() -> None:
    """A team may run any number of times, each with its own thread id."""
    team = quick()
    first, second = team.run("Q?"), team.run("Q?")
    assert (first.answer, second.answer) == ("Final.", "Final.")
    assert first.thread_id != second.thread_id


@pytest.mark.usefixtures("no_thread_is_left")
async def test_running_within_a_loop() -> None:
    """As in a notebook: `run` works where an event loop runs already."""
    assert quick().run("Q?").answer == "Final."


@pytest.mark.usefixtures("no_thread_is_left")
def test_running_from_two_threads_at_once() -> None:
    """The runs of one team do not meet."""
    both = threading.Barrier(2)
    team = quick()

    def run(_: int) -> Result:
        both.wait()
        return team.run("Q?")

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, range(2)))
    assert [result.outcome for result in results] == ["settled"] * 2


@pytest.mark.usefixtures("no_thread_is_left")
def test_two_teams_may_share_a_backend() -> None:
    """One adapter serves several calls at once, and several loops after each other."""
    shared = ScriptedBackend([answer("A.", when="no_answers"), vote("first", when="answers")])
    team = Team([Agent("alice", shared), Agent("bob", shared)])
    assert team.run("Q?").winner == team.run("Q?").winner == "alice"


async def test_many_runs_at_once_on_one_loop() -> None:
    """Each has its own events and its own result."""
    team = quick()
    results = await asyncio.gather(*(team.arun("Q?") for _ in range(5)))
    assert [result.answer for result in results] == ["Final."] * 5
    assert len({result.thread_id for result in results}) == 5


# --- events ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_thread_is_left")
def test_streaming() -> None:
    """`stream` gives out what happens while it happens, the end last."""
    events = list(quick().stream("Q?"))
    check(events, Result.from_dict(events[-1].result))


@pytest.mark.usefixtures("no_thread_is_left")
async def test_streaming_within_a_loop() -> None:
    """Also where an event loop runs already."""
    assert [event.type for event in quick().stream("Q?")][-1] == "run_finished"


@pytest.mark.usefixtures("no_thread_is_left")
@pytest.mark.parametrize("how", ["close", "leave"])
def test_leaving_a_stream_early(how: str) -> None:
    """It cancels the run: the provider is closed, and nothing is left."""
    team, silent = stuck()
    events = team.stream("Q?")
    for event in events:
        if event.type == "agent_text":
            break
    if how == "close":
        events.close()  # type: ignore[attr-defined]
    del events
    gc.collect()
    assert silent.heard[0].stopped


@pytest.mark.usefixtures("no_thread_is_left")
def test_a_stream_that_nobody_reads_runs_nothing() -> None:
    """It begins with the first event that is asked for."""
    team, silent = stuck()
    events = team.stream("Q?")
    del events
    assert silent.heard == []


async def test_leaving_an_async_stream_early() -> None:
    """After `aclose` neither the run nor any task of it is left."""
    team, silent = stuck()
    before = asyncio.all_tasks()
    events = team.astream("Q?")
    async for event in events:
        if event.type == "agent_text":
            break
    await events.aclose()
    assert silent.heard[0].stopped
    for _ in range(3):
        assert asyncio.all_tasks() == before
        await asyncio.sleep(0)


def test_a_slow_reader_slows_nobody() -> None:
    """The run goes on at its own pace, and the reader misses nothing but the seams of text."""

    async def babbles(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            for _ in range(500):
                yield ContentChunk("word ")
                await asyncio.sleep(0.01)
        async for chunk in drafts("A."):
            yield chunk

    async def read() -> list[Event]:
        run = Team([Agent("alice", Improvised(babbles))]).start("Q?")
        events = []
        async for event in run:
            events.append(event)
            await asyncio.sleep(1)
        return events

    events = run_virtual(read())
    assert events[-1].t == pytest.approx(5, abs=0.1)
    assert "".join(e.delta for e in events if e.type == "agent_text") == "word " * 500
    assert len(events) < 20
    check(events, Result.from_dict(events[-1].result))


# --- the handle --------------------------------------------------------------------------------


async def test_a_handle() -> None:
    """It tells the status, gives out events, and has a result, as often as it is asked."""
    run = quick().start("Q?")
    assert run.status == "running"
    events = [event async for event in run]
    first, second = await run.result(), await run.result()
    assert first == second
    assert first.thread_id == run.thread_id
    assert run.status == "settled"
    assert events[-1].type == "run_finished"
    assert [event async for event in run] == []
    run.cancel()
    assert (await run.result()).outcome == "settled"


async def test_a_result_without_reading_events() -> None:
    """Nobody has to read them."""
    assert (await quick().start("Q?").result()).answer == "Final."


async def test_events_may_be_read_after_the_end() -> None:
    """They wait."""
    run = quick().start("Q?")
    result = await run.result()
    check([event async for event in run], result)


def test_cancelling() -> None:
    """The outcome is `cancelled`, with what there was by then: answers, usage, events."""

    async def cancel() -> tuple[Result, list[Event], Actor, str]:
        team, silent = stuck()
        run = team.start("Q?")
        await asyncio.sleep(10)
        run.cancel()
        result = await run.result()
        events = [event async for event in run]
        return result, events, silent, run.status

    result, events, silent, status = run_virtual(cancel())
    assert (result.outcome, status, result.answer) == ("cancelled", "cancelled", None)
    assert result.usage["bob"].calls == result.usage["bob"].stopped == 1
    assert result.usage["bob"].wasted_tokens == 1
    assert result.usage["alice"].calls == 1
    assert result.duration_s == pytest.approx(10)
    assert silent.heard[0].stopped
    check(events, result)


@pytest.mark.parametrize("steps", range(8))
async def test_cancelling_at_any_moment(steps: int) -> None:
    """Also before the run has taken its first step, and more than once."""
    team, silent = stuck()
    run = team.start("Q?")
    for _ in range(steps):
        await asyncio.sleep(0)
    run.cancel()
    run.cancel()
    result = await run.result()
    assert result.outcome == run.status == "cancelled"
    assert [event async for event in run][-1].type == "run_finished"
    assert all(call.ended is not None for call in silent.heard)


async def test_closing_a_handle() -> None:
    """Leaving its block cancels a run that still runs, and waits for it."""
    team, silent = stuck()
    before = asyncio.all_tasks()
    async with team.start("Q?") as run:
        await silent.asked.wait()
    assert run.status == "cancelled"
    assert silent.heard[0].stopped
    assert asyncio.all_tasks() == before
    await run.aclose()


@pytest.mark.parametrize("how", ["arun", "astream", "result"])
async def test_cancelling_the_caller_reaches_the_provider(how: str) -> None:
    """Whoever waits for a run of its own and is cancelled leaves nothing behind."""
    team, silent = stuck()

    async def call() -> None:
        if how == "arun":
            await team.arun("Q?")
        elif how == "astream":
            async for _ in team.astream("Q?"):
                pass
        else:
            async with team.start("Q?") as run:
                await run.result()

    before = asyncio.all_tasks()
    task = asyncio.create_task(call())
    await silent.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert silent.heard[0].stopped
    assert asyncio.all_tasks() == before


async def test_a_timeout_around_a_run() -> None:
    """`asyncio.timeout` ends it like anything else."""
    team, silent = stuck()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await team.arun("Q?")
    assert all(call.stopped for call in silent.heard)


async def test_waiting_for_a_handle_can_be_given_up() -> None:
    """Cancelling one who waits for `result` does not cancel the run."""
    team, silent = stuck()
    async with team.start("Q?") as run:
        waiting = asyncio.create_task(run.result())
        await silent.asked.wait()
        waiting.cancel()
        await asyncio.wait({waiting})
        assert run.status == "running"
        assert not silent.heard[0].stopped


def test_a_run_that_breaks_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """A bug is an error of the run, with its cause; the events end all the same."""

    def broken(*question: Any) -> None:
        raise ZeroDivisionError("no voters")

    team = Team(quick().agents, Policy(rule=broken))
    with pytest.raises(RunError, match="ZeroDivisionError: no voters") as caught:
        team.run("Q?")
    told = caught.value.__cause__
    assert told is not None
    assert isinstance(told.__cause__, ZeroDivisionError)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.usefixtures("no_thread_is_left")
def test_a_slow_tool_does_not_hold_up_the_end() -> None:
    """A plain function that outlives its time limit can't be stopped, and is not waited for."""
    freed = threading.Event()

    def slow(number: int) -> str:
        """Take long."""
        freed.wait(20)
        return "late"

    script = [{"tool_calls": [{"name": "slow", "args": {"number": 1}}]}, answer("A.")]
    agent = Agent("alice", Actor(script), tools=[slow], tool_timeout_s=0.1)
    began = time.perf_counter()
    result = Team([agent]).run("Q?")
    took = time.perf_counter() - began
    freed.set()
    assert result.answer == "A."
    assert took < 10
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(1)


async def test_a_team_as_a_block() -> None:
    """`async with` closes what the backends have opened."""
    closed: list[str] = []

    class Closing(Actor):
        """Tells when it is closed."""

        async def aclose(self) -> None:
            closed.append("closed")

    shared = Closing([answer("A."), vote()])
    async with Team([Agent("alice", shared), Agent("bob", shared)]) as team:
        await team.arun("Q?")
        assert closed == []
    assert closed == ["closed"]


def test_running_closes_what_it_opened() -> None:
    """`run` and `stream` need no block."""
    closed: list[str] = []

    class Closing(Actor):
        """Tells when it is closed, and on which loop."""

        async def aclose(self) -> None:
            closed.append("closed")

    team = Team([Agent("alice", Closing([answer("A.")]))])
    team.run("Q?")
    assert closed == ["closed"]
    list(team.stream("Q?"))
    assert closed == ["closed"] * 2
