"""Each call of a provider that had begun tells its end once, wherever and however it came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from massgraph import Agent, Policy, Team
from massgraph.backends.chunks import ContentChunk, ErrorChunk, StreamChunk, UsageChunk
from massgraph.backends.errors import OverloadedError, StoreError
from massgraph.backends.reply import StoredReply
from massgraph.backends.usage import TokenUsage
from massgraph.graphs.running import BrokenRunError
from massgraph.nodes.call_end import CallEnd
from massgraph.nodes.events import (
    AgentText,
    CallEnded,
    Event,
    FinalText,
    PresentingEnded,
    TurnEnded,
)
from massgraph.nodes.journal import CallKey, Slot
from massgraph.nodes.listener import Listener
from massgraph.nodes.live import LiveRun
from massgraph.nodes.race import Watch
from massgraph.nodes.stream import Call, Request
from massgraph.store import open_storage
from massgraph.verify import verify

from ..vloop import run_virtual
from .stage import Actor, Improvised, Script, answer, calls, drafts, final, play, vote


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def test_a_turn_and_the_presentation_tell_each_of_their_calls() -> None:
    """With the provider and the model of the agent, why it stopped, and what it alone has used."""
    script = [calls(("add", {"a": 2, "b": 2}), delay=1), answer("4"), vote(), final("It is 4.")]
    played = play({"single": "coordinate"}, alice=script, more={"alice": {"tools": [add]}})
    told = played.of(CallEnded, "alice")
    ends = [call.finish_reason for call in told]
    assert ends == ["tool_calls", "tool_calls", "tool_calls", "stop"]
    assert {(call.provider, call.model) for call in told} == {("scripted", "script")}
    assert all(call.usage["calls"] == 1 and call.usage["output_tokens"] > 0 for call in told)
    assert [call.seconds for call in told] == [1.0, 0.0, 0.0, 0.0]
    assert not any(call.stopped or call.failure or call.replayed for call in told)


def test_a_call_ends_after_its_text_and_before_what_it_amounts_to() -> None:
    """In a turn as well as in presenting."""
    script = [answer("4", text="Well.", when="no_answers"), vote(when="answers"), final("It is 4.")]
    played = play({"single": "coordinate"}, alice=script)
    own = (AgentText, FinalText, CallEnded, TurnEnded, PresentingEnded)
    order = [type(event) for event in played.events if isinstance(event, own)]
    assert order == [
        *(AgentText, CallEnded, TurnEnded),
        *(CallEnded, TurnEnded),
        *(FinalText, CallEnded, PresentingEnded),
    ]


async def stumbling(number: int, _: set[str]) -> AsyncIterator[StreamChunk]:
    """Break before a word, break after some, and give an answer."""
    match number:
        case 1:
            yield ErrorChunk(OverloadedError("Later."))
        case 2:
            yield UsageChunk(TokenUsage(10, 3, estimated_cost=0.5))
            yield ContentChunk("half a sent")
            yield ErrorChunk(OverloadedError("Later."))
        case _:
            async for chunk in drafts("4"):
                yield chunk


def test_a_call_that_breaks_says_how() -> None:
    """Requests without a reply are part of the call; what was said for nothing is told as such."""
    broken, whole = play(alice=Improvised(stumbling)).of(CallEnded)
    assert (broken.failure, broken.finish_reason, broken.stopped) == ("overloaded", None, False)
    assert (broken.usage["retries"], broken.usage["wasted_tokens"]) == (1, 3)
    assert (broken.usage["input_tokens"], broken.usage["cost_usd"]) == (10, 0.5)
    assert broken.seconds > 0.3, "the wait between the two requests is a part of it"
    assert (whole.failure, whole.finish_reason, whole.usage["retries"]) == (None, "tool_calls", 0)


def test_a_stopped_call_says_so() -> None:
    """A peer's new answer cuts the call of who votes; the one that was silent broke by itself."""
    played = play(
        {"idle_timeout_s": 7, "attempts": 1, "final": "reuse"},
        alice=[answer("4"), answer("44"), vote()],
        bob=[answer("5"), vote(delay=5), vote()],
        carol=[{"text": "Hm", "hang": True}],
    )
    cut = [(c.agent, round(c.seconds, 3), c.failure) for c in played.of(CallEnded) if c.stopped]
    assert cut == [("carol", 7.0, "timeout"), ("bob", 0.0, None)]


def test_a_call_that_never_goes_out_is_none() -> None:
    """A budget refuses it, and nothing is told."""
    voters: dict[str, Script] = {name: [answer(name), vote()] for name in ("a", "b", "c")}
    told = play({"max_calls": 2}, **voters).of(CallEnded)
    assert [call.agent for call in told] == ["a", "b"]


@pytest.mark.parametrize("at_s", [0.5, 1.5, 2.5])
def test_a_cancelled_run_tells_the_calls_that_it_cuts(at_s: float) -> None:
    """Before the end of their turn, or of the presentation."""
    script = [answer("4", delay=1), vote(delay=1), final("It is 4.", delay=1)]

    async def cancelled() -> list[Event]:
        team = Team([Agent("alice", Actor(script))], Policy(single="coordinate"))
        run = team.start("What?")
        asyncio.get_running_loop().call_later(at_s, run.cancel)
        return [event async for event in run]

    events = run_virtual(cancelled())
    *_, call, end, _ = events
    assert isinstance(call, CallEnded)
    assert (call.stopped, call.failure, call.seconds) == (True, None, 0.5)
    assert isinstance(end, TurnEnded | PresentingEnded)
    assert verify(events).ok


def test_a_reply_from_the_journal_is_told_as_one() -> None:
    """It was paid for before the process died; a resumed run says so, and asks nobody."""
    script = [answer("4", when="no_answers"), vote(when="answers"), final("It is 4.")]

    async def twice() -> list[CallEnded]:
        db = open_storage("memory:")
        store: Any = await db.opened()
        dead = _Dead(store.saver)
        team = Team([Agent("alice", Actor(script))], Policy(single="coordinate"), db=db)
        team.observers.append(dead)
        with pytest.raises(BrokenRunError):
            await team.arun("What?", thread_id="t")
        team.observers.clear()
        dead.lives_again()
        run = team.start(None, thread_id="t")
        return [event async for event in run if isinstance(event, CallEnded)]

    told = run_virtual(twice())
    assert [(call.replayed, call.usage["calls"]) for call in told] == [
        *((True, 1), (False, 1), (False, 1)),
    ]


class _Dead:
    """What sees that nothing is stored any more once a call has ended, as if all had died."""

    def __init__(self, saver: Any) -> None:
        self._is_dead = False
        saver.aput, saver.aput_writes = map(self._till_then, (saver.aput, saver.aput_writes))

    def observe(self) -> Callable[[Event], None]:
        return self._take

    def lives_again(self) -> None:
        self._is_dead = False

    def _take(self, event: Event) -> None:
        self._is_dead = self._is_dead or isinstance(event, CallEnded)

    def _till_then(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def written(*args: Any) -> Any:
            if self._is_dead:
                raise StoreError("The disk is full.")
            return await write(*args)

        return written


class _Stuck:
    """A journal on a disk that never answers."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def find(self, key: CallKey) -> None:
        return None

    async def store(self, key: CallKey, agent: str, reply: StoredReply) -> None:
        self.begun.set()
        await asyncio.Event().wait()


def test_a_call_that_waits_for_the_disk_is_waited_for() -> None:
    """Whoever ends a run stops it there, too, and hears how it ended before the run is over."""
    told: list[CallEnd] = []

    async def play() -> None:
        live, journal = LiveRun(), _Stuck()
        live.begin(0.0)
        request = Request(
            backend=Improvised(stumbling),
            messages=[HumanMessage("What?")],
            tools=[],
            listener=Listener(text=lambda _: None, ended=told.append),
            slot=Slot(journal, CallKey("t", "think", 1), "alice"),
        )
        task = asyncio.create_task(Call(request, Watch(), live).run())
        await journal.begun.wait()
        await live.stop_waiting()
        assert task.cancelled()

    run_virtual(play())
    assert [(end.finish_reason, end.usage["stopped"]) for end in told] == [(None, 1)]
