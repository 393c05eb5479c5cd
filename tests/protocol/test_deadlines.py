"""Time limits: what they cut, what the agent is told before, and that nobody else pays for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from massgraph import LLMBackend
from massgraph.backends.chunks import (
    ContentChunk,
    DoneChunk,
    StreamChunk,
    ToolCallDeltaChunk,
)
from massgraph.nodes.events import DeadlineReached, PresentingEnded, RoundOpened, TurnEnded, Verdict

from .stage import Actor, Improvised, answer, begun, calls, drafts, final, play, vote, votes

SOON = pytest.approx
HANGS = {"hang": True}
PATIENT = {"idle_timeout_s": None}
"""A policy under which silence alone is no reason to stop a provider."""


def dated(played_events: list[DeadlineReached]) -> list[tuple[str, str | None, float]]:
    """Return which deadlines were reached, by whom, and when."""
    return [(event.which, event.agent, round(event.t, 3)) for event in played_events]


def test_the_soft_deadline_gives_one_last_call() -> None:
    """A call that has not begun its action is stopped, and the agent is told to act now."""
    played = play(PATIENT, alice=[HANGS, answer("A.")])
    first, last = played.heard["alice"]
    assert (first.stopped, first.ended) == (True, SOON(240, abs=0.001))
    assert last.began == SOON(240, abs=0.001)
    assert last.messages[: len(first.messages)] == first.messages
    assert "Time is nearly up" in last.messages[-1].text
    assert "`new_answer`" in last.messages[-1].text
    assert dated(played.of(DeadlineReached)) == [("soft", "alice", 240)]
    assert played.outcomes("alice")[0] == "new_answer"
    assert played.result.usage["alice"].stopped == 1


def test_the_soft_deadline_costs_no_try() -> None:
    """It is no fault of the agent: its three tries are still three."""
    played = play(PATIENT, alice=[{"text": "Hm."}, {"text": "Hm."}, HANGS, answer("A.")])
    assert played.outcomes("alice")[0] == "new_answer"


def test_the_last_call_offers_nothing_but_the_actions() -> None:
    """No tools of its own any more."""

    def search(query: str) -> str:
        """Search."""
        return query

    played = play(
        PATIENT,
        alice=[HANGS, answer("A."), HANGS, vote()],
        bob=[answer("B."), vote()],
        more={"alice": {"tools": [search]}},
    )
    heard = played.heard["alice"]
    assert [call.names for call in heard[:2]] == [{"new_answer", "search"}, {"new_answer"}]
    assert [call.names for call in heard[2:4]] == [
        {"new_answer", "vote", "search"},
        {"new_answer", "vote"},
    ]


def test_an_action_that_has_begun_is_not_stopped_by_the_soft_deadline() -> None:
    """It may be finished until the hard one."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        await asyncio.sleep(230)
        yield begun("new_answer")
        await asyncio.sleep(50)
        yield ToolCallDeltaChunk(0, arguments='{"content": "A."}')
        yield DoneChunk("tool_calls")

    played = play(PATIENT, alice=Improvised(act))
    assert played.of(DeadlineReached) == []
    assert len(played.heard["alice"]) == 1
    assert played.result.answer == "A."


def test_a_running_tool_is_stopped_by_the_soft_deadline() -> None:
    """Its call is answered with an error, and the last call follows."""

    async def dig(depth: int) -> str:
        """Dig."""
        await asyncio.sleep(1000)
        return "gold"

    played = play(
        alice=[calls(("dig", {"depth": 1}), ("dig", {"depth": 2})), answer("A.")],
        more={"alice": {"tools": [dig], "tool_timeout_s": 2000}},
    )
    last = played.heard["alice"][1]
    assert last.unanswered() == []
    assert [m.status for m in last.tool_results] == ["error", "error"]
    assert "Time is nearly up" in last.messages[-1].text
    assert last.names == {"new_answer"}
    assert dated(played.of(DeadlineReached)) == [("soft", "alice", 240)]


def test_the_hard_deadline_ends_the_turn_and_the_agent_is_asked_once_more() -> None:
    """`unfinished`: only those who owe are asked, standing votes stay."""
    played = play(
        PATIENT,
        alice=[answer("A."), vote()],
        bob=[answer("B."), HANGS, HANGS, vote("agent1")],
    )
    assert [e.asked for e in played.of(RoundOpened)] == [["alice", "bob"]] * 2 + [["bob"]]
    assert [e.verdict for e in played.of(Verdict)] == ["new_answer", "unfinished", "settled"]
    assert played.outcomes("bob") == ["new_answer", "abstained", "vote"]
    assert played.outcomes("alice") == ["new_answer", "vote"]
    assert played.of_round_seconds(2) == SOON(300, abs=0.01)
    assert dated(played.of(DeadlineReached)) == [("soft", "bob", 240), ("round", "bob", 300)]
    assert [v.voter for v in played.result.votes] == ["alice", "bob"]


def test_who_owes_twice_counts_as_abstaining() -> None:
    """With the reason recorded; the votes that were cast settle it, and nobody is failed."""
    played = play(PATIENT, alice=[answer("A."), vote()], bob=[answer("B."), HANGS])
    assert played.outcomes("bob") == ["new_answer", "abstained", "abstained"]
    assert all("deadline" in e.why for e in played.of(TurnEnded, "bob")[1:])
    assert played.result.failures == {}
    assert (played.result.winner, played.result.settled_by) == ("alice", "consensus")
    assert played.seconds == SOON(600, abs=0.01)


@pytest.mark.parametrize("again", [0, 1, 3])
def test_how_often_those_who_owe_are_asked_again(again: int) -> None:
    """`max_unfinished_rounds` times in each epoch."""
    policy = {"max_unfinished_rounds": again, "round_deadline_s": 10}
    played = play(policy, alice=[answer("A."), vote()], bob=[answer("B."), HANGS])
    assert len(played.of(RoundOpened)) == 2 + again
    assert played.seconds == SOON(10 * (1 + again), abs=0.01)


def test_a_short_round_keeps_its_two_stages() -> None:
    """Where the round is shorter than the soft deadline, the notice comes at four fifths of it."""
    played = play({"round_deadline_s": 10}, alice=[HANGS, answer("A.")])
    assert dated(played.of(DeadlineReached)) == [("soft", "alice", 8)]


def test_the_run_deadline_settles_on_what_there_is() -> None:
    """No agent is asked any more, and the answers and votes so far decide."""
    played = play(
        PATIENT | {"run_deadline_s": 200},
        alice=[answer("A.", delay=10), vote("agent2", delay=10)],
        bob=[answer("B."), HANGS],
    )
    result = played.result
    assert (result.outcome, result.winner, result.settled_by) == ("settled", "bob", "deadline")
    assert [(v.voter, v.candidate) for v in result.votes] == [("alice", "bob")]
    assert ("run", None, 200.0) in dated(played.of(DeadlineReached))
    assert played.seconds == SOON(200, abs=0.01)
    assert played.heard["bob"][-1].stopped


def test_the_run_deadline_without_any_answer() -> None:
    """There is nothing to settle on."""
    played = play(PATIENT | {"run_deadline_s": 100}, alice=[HANGS], bob=[{"text": "", **HANGS}])
    assert (played.result.outcome, played.result.settled_by) == ("no_answer", None)
    assert played.seconds == SOON(100, abs=0.01)


def test_an_answer_that_comes_with_the_run_deadline_is_published() -> None:
    """First drafts that wait for a slow one are not lost, though nobody can vote any more."""
    played = play(
        PATIENT | {"run_deadline_s": 50, "final": "reuse"}, alice=[answer("A.")], bob=[HANGS]
    )
    assert (played.result.answer, played.result.settled_by) == ("A.", "deadline")
    assert len(played.heard["alice"]) == 1


@pytest.mark.parametrize("hard", [100.0, 1000.0])
def test_the_rounds_end_with_the_run(hard: float) -> None:
    """A round that would outlast the run is cut, with its last call before that."""
    played = play(
        PATIENT | {"run_deadline_s": 50, "round_deadline_s": hard},
        alice=[HANGS, answer("A."), HANGS],
    )
    assert played.result.answer == "A."
    assert played.seconds <= 50.01


def test_presenting_ends_with_the_run() -> None:
    """The winner has until the run's deadline; then its stored answer is presented."""
    played = play(
        PATIENT | {"run_deadline_s": 100},
        alice=[answer("A."), vote(), final("Never", hang=True)],
        bob=[answer("B."), vote()],
    )
    result = played.result
    assert (result.outcome, result.answer, result.presented) == ("settled", "A.", "fallback")
    assert result.failures["alice"].kind == "timeout"
    assert played.of(PresentingEnded)[0].t == SOON(100, abs=0.001)
    assert played.seconds == SOON(100, abs=0.01)


def test_a_silent_provider_is_given_up() -> None:
    """Silence of a minute is a failure that is tried three times."""
    played = play(alice=[HANGS], bob=[answer("B."), vote()])
    calls_made = played.heard["alice"]
    assert [call.ended - call.began for call in calls_made if call.ended] == [
        SOON(60, abs=0.001)
    ] * 3
    assert played.result.failures["alice"].kind == "timeout"
    assert "60 s" in played.result.failures["alice"].message


def test_a_provider_that_says_something_now_and_then_is_not_silent() -> None:
    """Each chunk starts the minute anew."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        for _ in range(4):
            await asyncio.sleep(50)
            yield ContentChunk("still here ")
        async for chunk in drafts("A."):
            yield chunk

    played = play(alice=Improvised(act))
    assert len(played.heard["alice"]) == 1
    assert played.result.answer == "A."
    assert played.seconds == SOON(200, abs=0.01)


def test_silence_in_the_middle_of_an_answer_is_silence() -> None:
    """Also for an action that has begun."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            yield begun("new_answer")
            await asyncio.sleep(1000)
        async for chunk in drafts("A."):
            yield chunk

    played = play(alice=Improvised(act))
    assert played.result.answer == "A."
    assert played.seconds == SOON(60, abs=0.01)


def test_a_call_that_takes_too_long_is_stopped() -> None:
    """However much it says: it counts as a try, and the next one may be quicker."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        while number < 3:
            yield ContentChunk("and so on ")
            await asyncio.sleep(1)
        async for chunk in drafts("A."):
            yield chunk

    played = play({"call_timeout_s": 20}, alice=Improvised(act))
    assert [call.began for call in played.heard["alice"]] == [
        SOON(0),
        SOON(20, abs=0.001),
        SOON(40, abs=0.001),
    ]
    assert played.result.answer == "A."
    assert played.result.usage["alice"].stopped == 2


def test_a_call_that_always_takes_too_long() -> None:
    """Three calls, then the agent is failed."""
    played = play({"call_timeout_s": 20}, alice=[HANGS], bob=[answer("B."), vote()])
    assert played.requests["alice", 1] == 3
    failure = played.result.failures["alice"]
    assert (failure.kind, "20 s" in failure.message) == ("timeout", True)


async def _babbles(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    while True:
        yield ContentChunk("and ")
        await asyncio.sleep(1)


async def _slow(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    await asyncio.sleep(290)
    async for chunk in votes() if "vote" in tools else drafts("Slow."):
        yield chunk


TROUBLE: dict[str, Callable[[], LLMBackend]] = {
    "dead": lambda: Actor([HANGS]),
    "slow": lambda: Improvised(_slow),
    "babbling": lambda: Improvised(_babbles),
    "talking": lambda: Actor([{"text": "Hm."}]),
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("idle", [None, 60.0])
def test_one_agent_never_blocks_the_others_beyond_the_deadline(
    trouble: str, idle: float | None
) -> None:
    """Each round ends within its 300 s, and the others settle it."""
    played = play(
        {"idle_timeout_s": idle},
        alice=TROUBLE[trouble](),
        bob=[answer("B."), vote("agent2", when="answers")],
        carol=[answer("C."), vote("agent2", when="answers")],
    )
    rounds = [event.round for event in played.of(RoundOpened)]
    assert all(played.of_round_seconds(number) <= 300.01 for number in rounds)
    assert len(rounds) <= 4
    assert played.result.winner == "bob"
