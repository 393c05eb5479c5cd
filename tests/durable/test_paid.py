"""What was paid for: a stored reply counts, once and as it was, whatever came between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.tools import BaseTool

from massgraph import Agent, Policy, Team
from massgraph.backends.usage import TokenUsage
from massgraph.nodes.events import CallEnded, Event, TurnEnded
from massgraph.nodes.journal import CallKey
from massgraph.nodes.ledger import Ledger
from massgraph.nodes.state import no_usage
from massgraph.nodes.toolbox import Toolbox
from massgraph.store import Storage, open_storage

from ..protocol.stage import Actor, Script, answer, vote
from ..protocol.stage import calls as uses
from ..vloop import run_virtual
from .test_resuming import calls, resumed, team

TWO: Script = [answer("9.11"), answer("9.9")]
NEVER: Script = [answer("nobody is asked for it")]


async def forever() -> None:
    """Wait until the run is cut."""
    await asyncio.Event().wait()


async def watched(then: Callable[[int], Awaitable[None]]) -> Storage:
    """Return a store in memory; `then` follows each reply's write, and is told their number."""
    db = open_storage("memory:")
    store: Any = await db.opened()
    whole, stored = store.journal.store, list[CallKey]()

    async def write(key: CallKey, *args: Any) -> None:
        await whole(key, *args)
        stored.append(key)
        await then(len(stored))

    store.journal.store = write
    return db


async def cut_after(number: int, make: Callable[[Storage], Team], at: float = 0.0) -> Storage:
    """Cut a run on the thread `t` at this second, or when its reply of this number is stored.

    Nobody acts on that reply: the disk is slow, and can't be hurried.
    """

    async def then(stored: int) -> None:
        if stored == number:
            asyncio.get_running_loop().call_at(at, run.cancel)
            with suppress(asyncio.CancelledError):
                await forever()
            await forever()

    db = await watched(then)
    run = make(db).start("Which?", thread_id="t")
    assert (await run.result()).outcome == "cancelled"
    return db


def ends(events: Sequence[Event], agent: str) -> list[tuple[str, str | None]]:
    """Return how the turns of an agent ended."""
    turns = [event for event in events if isinstance(event, TurnEnded) and event.agent == agent]
    return [(turn.outcome, turn.kind) for turn in turns]


@pytest.mark.parametrize("cut", [False, True])
def test_a_reply_that_is_void_stays_void(cut: bool) -> None:
    """Asked afresh while its reply is being stored, an agent is; also for a run that goes on."""

    async def play() -> None:
        async def then(stored: int) -> None:
            if stored == 1:
                run.retry_agent("alice")
                await asyncio.sleep(1.0)
            elif cut:
                run.cancel()
                await forever()

        db = await watched(then)
        first, second = (team(db, {"alice": script}) for script in (TWO, NEVER))
        run = first.start("Which?", thread_id="t")
        events, result = [event async for event in run], (await run.result()).to_dict()
        if cut:
            assert result["answers"] == {}
            result, events = await resumed(second)
        assert (calls(first), calls(second)) == (2, 0)
        assert result["answers"] == {"alice": "9.9"}
        assert result["usage"]["total"]["calls"] == 2
        told = [event.replayed for event in events if isinstance(event, CallEnded)]
        assert told == [cut, cut]
        assert [event.type for event in events].count("agent_retried") == 1

    run_virtual(play())


class Priced(Actor):
    """An actor whose calls have one price, in US dollars."""

    price = 0.01

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        """Return the price."""
        return self.price


def test_what_a_reply_has_cost_does_not_change() -> None:
    """A run that goes on with a backend of other prices has paid what it has paid."""

    def cast(db: Storage) -> Team:
        return Team([Agent("alice", alice)], db=db)

    async def play() -> None:
        second = cast(await cut_after(1, cast))
        alice.price = 0.9
        result, _ = await resumed(second)
        assert calls(second) == 1
        assert result["usage"]["alice"]["cost_usd"] == pytest.approx(0.01)

    alice = Priced([answer("9.9")])
    run_virtual(play())


def test_the_reply_of_a_cancelled_agent_counts() -> None:
    """Cancelled before its reply is looked at, it sits out, and has used what it has used."""

    async def play() -> None:
        scripts: dict[str, Script] = {"alice": [answer("9.9")], "bob": [{"hang": True}]}
        db = await cut_after(1, lambda db: team(db, scripts))
        second = team(db, {"alice": NEVER, "bob": [answer("9.11")]})
        run = second.start(None, thread_id="t")
        run.cancel_agent("alice")
        events, result = [event async for event in run], await run.result()
        assert ends(events, "alice") == [("failed", "cancelled")]
        assert result.usage["alice"].calls == 1
        assert result.usage["alice"].input_tokens > 0
        assert result.answers == {"bob": "9.11"}

    run_virtual(play())


class Box(Toolbox):
    """A toolbox with nothing in it."""

    name = "box"

    async def tools(self) -> Sequence[BaseTool]:
        """Return none."""
        return []


def test_the_reply_of_a_released_agent_counts() -> None:
    """Released before its tools are opened again, it comes to nothing, and has been paid for."""

    def boxed(db: Storage, alice: Script, bob: Script) -> Team:
        agents = [Agent("alice", Actor(alice), tools=[Box()]), Agent("bob", Actor(bob))]
        return Team(agents, Policy(final="reuse"), db=db)

    async def play() -> None:
        alice = [answer("9.9"), vote("agent1", delay=1.0)]
        bob = [answer("9.11"), answer("9.90", delay=2.0)]
        db = await cut_after(3, lambda db: boxed(db, alice, bob), at=2.1)
        result, events = await resumed(boxed(db, [vote("agent1")], [vote("agent1")]))
        assert ends(events, "alice") == [("interrupted", None), ("vote", None)]
        assert result["answers"] == {"alice": "9.9", "bob": "9.90"}
        assert result["usage"]["alice"]["calls"] == 3

    run_virtual(play())


def test_a_final_answer_that_came_in_time_is_presented() -> None:
    """It is stored; that its run goes on when the deadline has passed takes nothing from it."""

    def timed(db: Storage) -> Team:
        return team(db, run_deadline_s=10.0)

    async def play() -> None:
        second = timed(await cut_after(5, timed, at=10.0))
        result, events = await resumed(second)
        assert events[0].t >= 10.0
        assert calls(second) == 0
        assert (result["answer"], result["presented"]) == ("It is 9.9.", "present")
        assert result["usage"]["alice"]["calls"] == 3

    run_virtual(play())


def test_the_budget_of_an_inner_team_holds_after_a_break() -> None:
    """What its agents had used before the run was cut is used: no call goes out beyond it."""
    looked = asyncio.Event()

    async def look(at: str) -> str:
        """Look at something."""
        if not looked.is_set():
            looked.set()
            await forever()
        return "found"

    def nested(db: Storage) -> tuple[Team, list[Actor]]:
        cast = [Actor([answer("9.9")]), Actor([uses(("look", {"at": "9.9"})), answer("9.11")])]
        agents = [Agent("quick", cast[0]), Agent("busy", cast[1], tools=[look])]
        panel = Agent("panel", Team(agents, Policy(max_calls=2), name="inner"))
        return Team([panel], db=db), cast

    async def play() -> None:
        (first, asked), (second, again) = map(nested, [open_storage("memory:")] * 2)
        run = first.start("Which?", thread_id="t")
        await looked.wait()
        run.cancel()
        assert (await run.result()).outcome == "cancelled"
        result, _ = await resumed(second)
        assert [actor.calls for actor in [*asked, *again]] == [1, 1, 0, 0]
        assert result["answers"] == {"panel": "9.9"}

    run_virtual(play())


def test_a_ledger_knows_the_longest_stored_reply() -> None:
    """From when it is known of, and from when a turn takes it in, the next may be as long."""
    for take in (Ledger.paid, Ledger.spend):
        ledger = Ledger()
        take(ledger, "alice", {**no_usage(), "calls": 1, "output_tokens": 8_000})
        assert ledger.longest_reply == 8_000


def test_a_resumed_run_expects_replies_as_long() -> None:
    """Another one like the one that is stored would be too much for its budget: none is asked."""

    def thinker(db: Storage) -> Team:
        turns = [{"reasoning": "x" * 20_000}, answer("9.9")]
        return Team([Agent("alice", Actor(turns))], Policy(max_tokens=8_000), db=db)

    async def play() -> None:
        second = thinker(await cut_after(1, thinker))
        result, _ = await resumed(second)
        assert result["usage"]["total"]["output_tokens"] >= 5_000
        assert (result["usage"]["total"]["calls"], calls(second)) == (1, 0)

    run_virtual(play())
