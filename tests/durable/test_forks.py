"""Time travel: forks from any step, as they are or edited, and the end of threads."""

from __future__ import annotations

from typing import Any

import pytest

from massgraph import Threads, UserError
from massgraph.backends.errors import StoreError
from massgraph.store import Storage, open_storage

from ..vloop import run_virtual
from .test_resuming import calls, resumed, team


async def settled() -> tuple[Storage, Threads]:
    """Return a store whose thread `t` has a run that settled."""
    db = open_storage("memory:")
    await team(db).arun("Which?", thread_id="t")
    return db, Threads(db)


def test_every_step_can_be_forked() -> None:
    """Each fork comes to an end of its own, and the thread itself stays what it was."""

    async def play() -> None:
        db, threads = await settled()
        before = await threads.get("t")
        steps = await threads.steps("t")
        asked: list[int] = []
        for step in steps[::2]:
            fork = await threads.fork("t", step=step.number)
            row = await threads.get(fork)
            assert (row.forked_from, row.status) == ("t", "running")
            again = team(db)
            result, events = await resumed(again, fork)
            assert result["answer"] == "It is 9.9."
            assert {event.thread_id for event in events} == {fork}
            asked.append(calls(again))
        assert asked[0] == 5, "replies of the thread itself are not replayed"
        assert (asked[-1] == 0) == (len(steps) % 2 == 1)
        assert asked == sorted(asked, reverse=True)
        assert await threads.get("t") == before
        assert len(await threads.steps("t")) == len(steps)

    run_virtual(play())


@pytest.mark.parametrize(
    ("edits", "complaint"),
    [
        ({"answers": {}}, "votes for alice, who has no answer"),
        ({"answers": {}, "votes": {}}, "select_winner comes next, and nobody has an answer"),
        ({"winner": "bob", "answers": {"alice": "9"}}, "the winner, bob, has no answer"),
    ],
)
def test_edits_that_do_not_go_together_are_refused(edits: dict[str, Any], complaint: str) -> None:
    """A vote and a winner need an answer: a fork without it would break, so there is none."""

    async def play() -> None:
        _, threads = await settled()
        steps = await threads.steps("t")
        settling = next(step for step in steps if step.next == ("select_winner",))
        with pytest.raises(UserError, match=complaint):
            await threads.fork("t", step=settling.number, edits=edits)
        assert [row.thread_id for row in await threads.ls()] == ["t"]

    run_virtual(play())


def test_an_edited_fork_goes_its_own_way() -> None:
    """Another answer is what is voted for; another question is what is asked."""

    async def play() -> None:
        db, threads = await settled()
        steps = await threads.steps("t")
        opened = next(s for s in steps if s.next == ("open_round",) and s.state["answers"])
        fork = await threads.fork("t", step=opened.number, edits={"answers": {"alice": "10"}})
        result, events = await resumed(team(db), fork)
        assert result["answers"] == {"alice": "10"}
        assert events[0].type == "run_resumed"
        begun = next(s for s in steps if s.next == ("open_round",) and not s.state["answers"])
        fork = await threads.fork("t", step=begun.number, edits={"question": "Why?"}, to="why")
        asked = team(db)
        await resumed(asked, fork)
        alice: Any = asked.agents[0].backend
        assert "Why?" in alice.heard[0].text
        assert "Which?" not in alice.heard[0].text
        assert (await threads.get("why")).question == "Why?"

    run_virtual(play())


def test_a_fork_of_an_earlier_question_is_of_that_question() -> None:
    """What a thread was asked since is no matter of its fork."""

    async def play() -> None:
        db, threads = await settled()
        last = (await threads.steps("t"))[-1].number
        await team(db).arun("And why?", thread_id="t")
        await threads.fork("t", step=last, to="first")
        await threads.fork("t", to="second")
        asked = [(await threads.get(name)).question for name in ("first", "second")]
        assert asked == ["Which?", "And why?"]

    run_virtual(play())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"round": 7}, "A fork can't change 'round'"),
    ({"colour": "blue"}, "A fork can't change 'colour'"),
    ({"answers": {"mallory": "x"}}, "There is no agent 'mallory'; there are: alice, bob"),
    (
        {"votes": {"alice": "bob"}},
        "as votes.*candidate: bob, reason: TEXT, epoch",
    ),
    ({"question": ""}, "The question of a fork must be a text"),
]


@pytest.mark.parametrize(("edits", "why"), WRONG)
def test_wrong_edits_are_refused(edits: dict[str, Any], why: str) -> None:
    """Each with what is wrong; no thread comes into being."""

    async def play() -> None:
        _, threads = await settled()
        step = next(s for s in await threads.steps("t") if s.next == ("open_round",))
        with pytest.raises(UserError, match=why):
            await threads.fork("t", step=step.number, edits=edits, to="new")
        assert [row.thread_id for row in await threads.ls()] == ["t"]

    run_virtual(play())


def test_a_refusal_names_what_may_be_changed() -> None:
    """At the first step, before the machine has begun, that is the question alone."""

    async def play() -> None:
        _, threads = await settled()
        first = (await threads.steps("t"))[0].number
        with pytest.raises(UserError, match=r"can't change 'winner'; it may change: question\.$"):
            await threads.fork("t", step=first, edits={"winner": "bob"})

    run_virtual(play())


def test_forks_of_what_is_not_there_are_refused() -> None:
    """A step, a thread, an id that is taken, an id that is none."""

    async def play() -> None:
        _, threads = await settled()
        with pytest.raises(UserError, match="has no step 99; it has: 0 to"):
            await threads.fork("t", step=99)
        with pytest.raises(UserError, match="There is no thread 'nope'"):
            await threads.fork("nope")
        with pytest.raises(UserError, match="There is a thread 't' already"):
            await threads.fork("t", to="t")
        with pytest.raises(UserError, match="can't be a thread's id"):
            await threads.fork("t", to="../t")

    run_virtual(play())


def test_a_fork_is_forked() -> None:
    """A fork is a thread like any other, follow-up questions included."""

    async def play() -> None:
        db, threads = await settled()
        first = await threads.fork("t", step=1)
        await team(db).aresume(first)
        second = await threads.fork(first)
        assert (await team(db).aresume(second)).answer == "It is 9.9."
        result = await team(db).arun("And then?", thread_id=second)
        assert result.outcome == "settled"
        assert (await threads.get(second)).runs == 2

    run_virtual(play())


def test_a_damaged_thread_is_removed() -> None:
    """Its damage is told, and does not keep anybody from removing it."""

    async def play() -> None:
        db, threads = await settled()
        index: Any = (await db.opened()).index
        index._database._connection.execute("UPDATE massgraph_threads SET sum = 'x'")
        with pytest.raises(StoreError, match="'t' in memory: is damaged"):
            await threads.get("t")
        await threads.rm("t")
        assert await threads.ls() == []

    run_virtual(play())


def test_threads_are_removed() -> None:
    """One by one, or those that nobody has used; one that runs is left alone."""

    async def play() -> None:
        db, threads = await settled()
        for name in ("u", "v"):
            await team(db).arun("Which?", thread_id=name)
        await threads.rm("u")
        with pytest.raises(UserError, match="There is no thread 'u'"):
            await threads.rm("u")
        with pytest.raises(UserError, match="There is no thread 'u'"):
            await team(db).aresume("u")
        async with team(db).start("Which?", thread_id="t") as run:
            await anext(run.events())
            with pytest.raises(UserError, match="A run is going on"):
                await threads.rm("t")
            assert await threads.prune(older_than_s=3600.0) == []
            assert await threads.prune(older_than_s=0.0) == ["v"]
        assert await threads.prune(older_than_s=0.0, keep=1) == []
        assert await threads.prune(older_than_s=0.0) == ["t"]
        assert await threads.ls() == []
        again = team(db)
        await again.arun("Which?", thread_id="t")
        assert calls(again) == 5, "nothing of the removed thread is left to replay"

    run_virtual(play())
