"""What resuming a run does and refuses, apart from crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Policy, RunError, Team, Threads, UserError
from massgraph.backends.errors import StoreError
from massgraph.graphs.running import BrokenRunError
from massgraph.nodes.events import Event
from massgraph.nodes.journal import CallKey
from massgraph.nodes.record import fold_events
from massgraph.record.event_file import read_record
from massgraph.store import Storage, open_storage

from ..protocol.stage import Actor, Script, answer, final, vote
from ..vloop import run_virtual

SCRIPTS: dict[str, Script] = {
    "alice": [answer("9.9", when="no_answers"), vote("agent1"), final("It is 9.9.")],
    "bob": [answer("9.11", when="no_answers"), vote("agent1")],
}
FINISH: dict[str, Any] = {"on_new_answer": "finish"}


def team(db: Storage, scripts: dict[str, Script] | None = None, **policy: Any) -> Team:
    """Return a team over a store, made anew as another process makes it."""
    from massgraph import Agent

    given = scripts or SCRIPTS
    agents = [Agent(agent, Actor(script)) for agent, script in given.items()]
    return Team(agents, Policy(**{**FINISH, **policy}), db=db)


def calls(asked: Team) -> int:
    """Return how many requests a team's backends have had."""
    return sum(len(agent.backend.heard) for agent in asked.agents if _is_actor(agent.backend))


def _is_actor(backend: object) -> bool:
    return isinstance(backend, Actor)


async def cut_short(db: Storage, when: Callable[[Event], bool], **policy: Any) -> Team:
    """Run a team on the thread `t`, and cancel it at the first event that is meant."""
    first = team(db, **policy)
    run = first.start("Which?", thread_id="t")
    async for event in run:
        if when(event):
            run.cancel()
    assert (await run.result()).outcome == "cancelled"
    return first


def at(kind: str, number: int = 1) -> Callable[[Event], bool]:
    """Return what is true at an event of this type, when it comes for this time."""
    seen: list[Event] = []

    def is_it(event: Event) -> bool:
        seen.extend([event] if event.type == kind else [])
        return event.type == kind and len(seen) == number

    return is_it


async def resumed(asked: Team, thread_id: str = "t") -> tuple[dict[str, Any], list[Event]]:
    """Go on with a thread; return the result and the events."""
    run = asked.start(None, thread_id=thread_id)
    events = [event async for event in run]
    return (await run.result()).to_dict(), events


def test_a_cancelled_run_goes_on() -> None:
    """It comes to the end that it would have had, and its events are those of a second attempt."""

    async def play() -> None:
        db = open_storage("memory:")
        first = await cut_short(db, at("round_opened", 2))
        second = team(db)
        result, events = await resumed(second)
        assert (result["outcome"], result["answer"]) == ("settled", "It is 9.9.")
        assert calls(first) == 2
        assert calls(second) == 3
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert {event.run_attempt for event in events} == {2}
        assert events[0].type == "run_resumed"
        row = await Threads(db).get("t")
        assert (row.status, row.runs, row.attempts) == ("settled", 1, 2)

    run_virtual(play())


def test_run_resumed_folds_to_the_state() -> None:
    """The events of the last attempt alone give the state that is stored."""

    async def play() -> None:
        db = open_storage("memory:")
        await cut_short(db, at("turn_ended", 3))
        _, events = await resumed(team(db))
        stored = (await Threads(db).steps("t"))[-1].state
        for key, value in fold_events(events).state.items():
            assert stored[key] == value, key

    run_virtual(play())


@pytest.mark.parametrize("kind", ["turn_started", "turn_ended", "verdict", "presenting_started"])
def test_it_may_be_cut_anywhere(kind: str) -> None:
    """Whatever the run was at: a turn, between rounds, or the final answer."""

    async def play() -> None:
        db = open_storage("memory:")
        first = await cut_short(db, at(kind))
        second = team(db)
        result, _ = await resumed(second)
        assert result["answer"] == "It is 9.9."
        assert calls(first) + calls(second) <= 5 + 2

    run_virtual(play())


def test_a_run_that_is_over_asks_nobody() -> None:
    """Its result comes back, as often as one likes."""

    async def play() -> None:
        db = open_storage("memory:")
        whole = await team(db).arun("Which?", thread_id="t")
        for _ in range(2):
            again = team(db)
            result = await again.aresume("t")
            assert result.to_dict() == whole.to_dict()
            assert calls(again) == 0

    run_virtual(play())


def test_an_unknown_thread_is_said() -> None:
    """There is nothing to go on with, and no thread comes into being."""

    async def play() -> None:
        db = open_storage("memory:")
        with pytest.raises(UserError, match="There is no thread 'nope'"):
            await team(db).aresume("nope")
        assert await Threads(db).ls() == []

    run_virtual(play())


def test_a_run_that_goes_on_already_is_not_resumed() -> None:
    """Not by the same team, nor by another one of the same store."""

    async def play() -> None:
        db = open_storage("memory:")
        async with team(db).start("Which?", thread_id="t") as run:
            await anext(run.events())
            with pytest.raises(UserError, match="A run is going on on the thread 't' already"):
                await team(db).aresume("t")
            assert await Threads(db).is_running("t")
        assert not await Threads(db).is_running("t")

    run_virtual(play())


def test_another_team_is_refused() -> None:
    """A thread belongs to its agents."""

    async def play() -> None:
        db = open_storage("memory:")
        await cut_short(db, at("turn_ended"))
        others = {"alice": SCRIPTS["alice"], "carol": SCRIPTS["bob"]}
        with pytest.raises(UserError, match="can't go on with alice, carol"):
            await team(db, others).aresume("t")
        result, _ = await resumed(team(db))
        assert result["outcome"] == "settled"

    run_virtual(play())


def test_a_refused_resume_changes_nothing() -> None:
    """A run that was over, or cancelled, still is, though another team wanted to go on with it."""

    async def play() -> None:
        db = open_storage("memory:")
        others = {"alice": SCRIPTS["alice"], "carol": SCRIPTS["bob"]}
        for thread, end in (("t", "cancelled"), ("u", "settled")):
            if end == "cancelled":
                await cut_short(db, at("turn_ended"))
            else:
                await team(db).arun("Which?", thread_id=thread)
            before = await Threads(db).get(thread)
            with pytest.raises(UserError, match="can't go on with"):
                await team(db, others).aresume(thread)
            after = await Threads(db).get(thread)
            assert (after.status, after.result) == (end, before.result)

    run_virtual(play())


def test_the_clock_goes_on() -> None:
    """The time of a round that was cut counts, also when the next attempt dies at once."""

    async def play() -> None:
        db = open_storage("memory:")
        slow: dict[str, Script] = {name: [answer("9.9", delay=40.0)] for name in SCRIPTS}
        run = team(db, slow).start("Which?", thread_id="t")
        await asyncio.sleep(30.0)
        await run.aclose()
        assert (await Threads(db).get("t")).status == "cancelled"
        index: Any = (await db.opened()).index
        await index.resume("t")  # and its process has died
        _, events = await resumed(team(db))
        assert events[0].t >= 30.0

    run_virtual(play())


def test_a_call_that_was_begun_afresh_is_not_sent_again() -> None:
    """A person had an agent asked afresh, and the process died before its turn was noted."""

    async def play() -> None:
        db = open_storage("memory:")
        store: Any = await db.opened()
        saver, retried = store.saver, asyncio.Event()
        kept = saver.aput, saver.aput_writes

        def until_then(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            full = _full(write, 0)

            async def written(*args: Any) -> Any:
                return await (full if retried.is_set() else write)(*args)

            return written

        saver.aput, saver.aput_writes = map(until_then, kept)
        slow: dict[str, Script] = {"alice": [answer("9.9", delay=40.0)]}
        run = team(db, slow).start("Which?", thread_id="t")
        await asyncio.sleep(10.0)
        run.retry_agent("alice")
        retried.set()
        with pytest.raises(BrokenRunError):
            await run.result()
        saver.aput, saver.aput_writes = kept
        second = team(db, {"alice": [answer("9.11", when="no_answers")]})
        result, _ = await resumed(second)
        assert result["answers"] == {"alice": "9.9"}
        assert calls(second) == 0

    run_virtual(play())


def test_a_question_after_a_resume() -> None:
    """The thread goes on with the next question as if nothing had been cut."""

    async def play() -> None:
        db = open_storage("memory:")
        await cut_short(db, at("turn_ended", 2))
        await team(db).aresume("t")
        asked = team(db)
        result = await asked.arun("And then?", thread_id="t")
        assert result.answer == "It is 9.9."
        row = await Threads(db).get("t")
        assert (row.question, row.runs, row.attempts) == ("And then?", 2, 1)
        alice: Any = asked.agents[0].backend
        assert "It is 9.9." in alice.heard[0].text

    run_virtual(play())


def test_a_new_question_takes_the_place_of_a_run_that_was_cut() -> None:
    """Whoever asks something else has given up on it."""

    async def play() -> None:
        db = open_storage("memory:")
        await cut_short(db, at("turn_ended", 2))
        result = await team(db).arun("And then?", thread_id="t")
        assert result.outcome == "settled"

    run_virtual(play())


def test_what_was_used_counts_after_a_break() -> None:
    """A budget that was used up stays used up: nobody is asked, and the answers stand."""

    async def play() -> None:
        db = open_storage("memory:")
        await cut_short(db, at("turn_ended", 2), max_calls=2)
        second = team(db, max_calls=2)
        result, events = await resumed(second)
        assert calls(second) == 0
        assert result["outcome"] == "settled"
        assert result["settled_by"] == "budget"
        assert result["usage"]["total"]["calls"] == 2
        assert "failed" not in {getattr(event, "outcome", "") for event in events}

    run_virtual(play())


class TestBrokenStores:
    """A store that cannot write ends the run; what it had is told."""

    def broken(self, where: str, *, after: int) -> tuple[BrokenRunError, Storage]:
        """Run over a store whose disk is full after some writes; return how the run broke."""

        async def play() -> tuple[BrokenRunError, Storage]:
            db = open_storage("memory:")
            store: Any = await db.opened()
            owner, name = {
                "journal": (store.journal, "store"),
                "checkpoints": (store.saver, "aput"),
                "writes": (store.saver, "aput_writes"),
            }[where]
            whole = getattr(owner, name)
            setattr(owner, name, _full(whole, after))
            with pytest.raises(BrokenRunError) as told:
                await team(db).arun("Which?", thread_id="t")
            setattr(owner, name, whole)
            second = team(db)
            assert (await second.aresume("t")).answer == "It is 9.9."
            return told.value, db

        return run_virtual(play())

    @pytest.mark.parametrize("where", ["journal", "checkpoints", "writes"])
    def test_it_ends_the_run(self, where: str, caplog: pytest.LogCaptureFixture) -> None:
        """As a broken run with a result; once there is room, it goes on."""
        error, _ = self.broken(where, after=3)
        assert isinstance(error, RunError)
        assert error.result["outcome"] == "failed"
        assert "the disk is full" in str(error)
        assert _has(error, StoreError)
        assert len(caplog.records) >= 1

    def test_what_it_had_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        """Answers that were published are in the result."""
        error, _ = self.broken("journal", after=3)
        assert set(error.result["answers"]) == {"alice", "bob"}
        assert "The run t broke." in caplog.text


def _full(write: Callable[..., Awaitable[Any]], after: int) -> Callable[..., Awaitable[Any]]:
    left = [after]

    async def written(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise StoreError("The database can't be written: the disk is full.")
        return await write(*args, **kwargs)

    return written


def _has(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__
    return False


def test_a_reply_is_on_the_disk_before_anybody_acts() -> None:
    """While the journal writes, no turn ends and no next call goes out."""

    async def play() -> None:
        db = open_storage("memory:")
        store: Any = await db.opened()
        whole, waits, written = store.journal.store, asyncio.Event(), list[CallKey]()

        async def slow(key: CallKey, *args: Any) -> None:
            written.append(key)
            await waits.wait()
            await whole(key, *args)

        store.journal.store = slow
        events: list[Event] = []
        async with team(db).start("Which?", thread_id="t") as run:
            reader = asyncio.create_task(_into(events, run))
            await asyncio.sleep(10)
            assert len(written) == 2
            assert run.status == "running"
            waits.set()
            assert (await run.result()).outcome == "settled"
            await reader
            ended = [event for event in events if event.type == "turn_ended"]
            assert min(event.t for event in ended) >= 10

    run_virtual(play())


async def _into(events: list[Event], run: Any) -> None:
    events.extend([event async for event in run])


def test_a_record_is_never_mixed_with_an_older_one(tmp_path: Path) -> None:
    """A thread that is gone may have left a record: the next run of that id has its own."""

    async def play() -> None:
        for db in (open_storage("memory:"), open_storage("memory:")):
            asked = team(db)
            kept = Team(asked.agents, asked.policy, db=db, records=tmp_path)
            await kept.arun("Which?", thread_id="t")
            await kept.aresume("t")

    run_virtual(play())
    files = sorted(tmp_path.glob("t/*/events.jsonl"))
    assert [file.parent.name for file in files] == ["0001", "0002"]
    for file in files:
        loaded = read_record(file)
        assert not loaded.findings
        assert [attempt.number for attempt in loaded.attempts] == [1, 2]


def test_a_run_without_its_record_goes_on(tmp_path: Path) -> None:
    """With a checkpointer of one's own, whose attempts only the record counts."""

    async def play() -> None:
        saver = InMemorySaver()
        asked = team(open_storage("memory:"))
        kept = Team(asked.agents, asked.policy, checkpointer=saver, records=tmp_path)
        await kept.arun("Which?", thread_id="t")
        (tmp_path / "t" / "0001" / "events.jsonl").unlink()
        assert (await kept.aresume("t")).answer == "It is 9.9."

    run_virtual(play())
