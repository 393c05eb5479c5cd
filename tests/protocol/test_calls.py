"""Each call of a provider that had begun tells its end once, wherever and however it came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from massgraph import Agent, Policy, Team
from massgraph.backends.chunks import ContentChunk, ErrorChunk, StreamChunk, UsageChunk
from massgraph.backends.errors import OverloadedError
from massgraph.backends.usage import TokenUsage
from massgraph.nodes.events import (
    AgentText,
    CallEnded,
    Event,
    FinalText,
    PresentingEnded,
    TurnEnded,
)
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
    """It was paid for before the run was cut; a resumed run says so, and asks nobody."""
    script = [answer("4", when="no_answers"), vote(when="answers", delay=1), final("It is 4.")]
    slow = [answer("5", when="no_answers"), vote(when="answers", delay=9)]

    async def twice() -> list[CallEnded]:
        cast = [Agent("alice", Actor(script)), Agent("bob", Actor(slow))]
        async with Team(cast, db="memory:") as team:
            run = team.start("What?", thread_id="t")
            asyncio.get_running_loop().call_later(5, run.cancel)
            before = [event async for event in run]
            after = [event async for event in team.start(None, thread_id="t")]
        assert verify([*before, *after]).ok
        return [event for event in after if isinstance(event, CallEnded)]

    told = run_virtual(twice())
    assert [(call.agent, call.replayed) for call in told] == [("bob", False), ("alice", False)]
