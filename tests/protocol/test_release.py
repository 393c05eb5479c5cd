"""A new answer makes the work of peers worthless: who is stopped, who is spared, and how soon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from massgraph.backends.chunks import (
    ContentChunk,
    DoneChunk,
    StreamChunk,
    ToolCallDeltaChunk,
)
from massgraph.backends.errors import BackendConnectionError
from massgraph.nodes.events import (
    AgentsReleased,
    AgentText,
    AnswersAccepted,
    RoundOpened,
    TurnEnded,
    VoteDropped,
)

from .stage import Improvised, Played, answer, begun, calls, drafts, play, vote, votes, whole

GRACE_S = 0.25
"""How long a stopped provider may take to stop."""

RESTARTS = [answer("A."), answer("A, better.", delay=5), vote("agent1")]
"""An agent that gives a better answer after five seconds of the second round."""


def after(seconds: float, chunks: AsyncIterator[StreamChunk]) -> AsyncIterator[StreamChunk]:
    """Return the chunks, but later."""

    async def late() -> AsyncIterator[StreamChunk]:
        await asyncio.sleep(seconds)
        async for chunk in chunks:
            yield chunk

    return late()


def published(played: Played) -> list[dict[str, str]]:
    """Return the answers that were published together, batch by batch."""
    return [{a["agent"]: a["text"] for a in e.answers} for e in played.of(AnswersAccepted)]


@pytest.mark.parametrize(
    "turn",
    [{"hang": True}, {"text": "Let me", "hang": True}, vote(delay=100), answer("B!", delay=100)],
    ids=["silent", "silent after a word", "about to vote", "about to answer"],
)
def test_a_peer_is_stopped_at_once(turn: dict[str, object]) -> None:
    """Its provider is left the moment the new answer is accepted, also while it is silent."""
    played = play(alice=RESTARTS, bob=[answer("B."), turn, vote("agent1")])
    assert played.outcomes("bob") == ["new_answer", "interrupted", "vote"]
    stopped = played.heard["bob"][1]
    assert stopped.stopped
    assert stopped.ended == pytest.approx(5, abs=0.001)
    assert [(e.agents, e.because_of) for e in played.of(AgentsReleased)] == [(["bob"], "alice")]
    assert played.result.usage["bob"].stopped == 1
    assert played.seconds == pytest.approx(5, abs=0.001)


def test_what_a_stopped_peer_had_said_is_counted_as_wasted() -> None:
    """An estimate of the tokens that were paid for nothing: characters / 4."""
    said = "I am thinking about all of this at some length."
    played = play(alice=RESTARTS, bob=[answer("B."), {"text": said, "hang": True}, vote()])
    assert played.result.usage["bob"].wasted_tokens == -(-len(said) // 4)


def test_everybody_owes_again_and_sees_the_new_answer() -> None:
    """The round after a new answer asks all, and shows the new answer to all."""
    played = play(alice=RESTARTS, bob=[answer("B."), {"hang": True}, vote("agent1")])
    assert [e.asked for e in played.of(RoundOpened)] == [["alice", "bob"]] * 3
    for agent in ("alice", "bob"):
        assert "A, better." in played.heard[agent][2].text
    assert [e.epoch for e in played.of(RoundOpened)] == [1, 2, 3]


def test_a_vote_that_was_cast_before_the_new_answer_is_dropped() -> None:
    """Its voter had not seen the new answer, and votes again."""
    played = play(alice=RESTARTS, bob=[answer("B."), vote("agent2", "mine"), vote("agent1")])
    dropped = played.of(VoteDropped)
    assert [(e.voter, e.candidate) for e in dropped] == [("bob", "bob")]
    assert [(v.voter, v.candidate) for v in played.result.votes] == [
        ("alice", "alice"),
        ("bob", "alice"),
    ]


def test_a_first_draft_is_never_stopped() -> None:
    """Everybody gets one independent draft, however long after a peer's it comes."""
    played = play(
        {"idle_timeout_s": None},
        alice=[answer("A."), vote()],
        bob=[answer("B.", delay=100), vote()],
        carol=[answer("C.", delay=200), vote()],
    )
    assert published(played)[0] == {"alice": "A.", "bob": "B.", "carol": "C."}
    assert played.of_round_seconds(1) == pytest.approx(200, abs=0.001)


def test_a_first_draft_is_not_stopped_in_a_later_round_either() -> None:
    """Who was too slow for the first round still has its draft to give."""
    played = play(
        {"round_deadline_s": 50, "max_unfinished_rounds": 0},
        alice=RESTARTS,
        bob=[{"hang": True}, {"hang": True}, answer("B.", delay=20), vote("agent1")],
    )
    assert played.outcomes("bob")[:2] == ["abstained", "new_answer"]
    assert published(played) == [{"alice": "A."}, {"alice": "A, better.", "bob": "B."}]


def test_a_peer_that_already_writes_its_answer_may_finish_it() -> None:
    """Both answers are published together."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            yield begun("new_answer")
            await asyncio.sleep(8)
            yield ToolCallDeltaChunk(0, arguments='{"content": "B, better."}')
            yield DoneChunk("tool_calls")
            return
        async for chunk in drafts("B.") if number == 1 else votes():
            yield chunk

    played = play(alice=RESTARTS, bob=Improvised(act))
    assert published(played)[1] == {"alice": "A, better.", "bob": "B, better."}
    assert played.of_round_seconds(2) == pytest.approx(8, abs=0.001)
    assert played.of(AgentsReleased) == []


@pytest.mark.parametrize("tool", ["vote", "search"])
def test_a_peer_that_writes_anything_else_is_stopped(tool: str) -> None:
    """A half-written vote is as worthless as a half-written thought."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            yield begun(tool)
            await asyncio.sleep(100)
        async for chunk in drafts("B.") if number == 1 else votes():
            yield chunk

    played = play(alice=RESTARTS, bob=Improvised(act))
    assert played.outcomes("bob")[1] == "interrupted"
    assert played.heard["bob"][1].ended == pytest.approx(5, abs=0.001)


def test_a_spared_peer_whose_answer_does_not_count_gets_no_other_try() -> None:
    """It was spared for an answer; with none, its turn is over."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            yield begun("new_answer")
            await asyncio.sleep(8)
            yield ToolCallDeltaChunk(0, arguments='{"content": "A."}')
            yield DoneChunk("tool_calls")
            return
        async for chunk in drafts("B.") if number == 1 else votes():
            yield chunk

    played = play(alice=RESTARTS, bob=Improvised(act))
    assert played.requests["bob", 2] == 1
    assert played.outcomes("bob") == ["new_answer", "interrupted", "vote"]


def test_a_refused_answer_stops_nobody() -> None:
    """Only an answer that counts makes the work of others worthless."""
    played = play(
        alice=[answer("A."), answer("B.", delay=1), vote("agent2")],
        bob=[answer("B."), vote("agent1", delay=3)],
    )
    assert played.of(AgentsReleased) == []
    assert played.outcomes("bob") == ["new_answer", "vote"]


def test_a_running_tool_is_stopped() -> None:
    """The tool of a peer is cancelled like its provider."""
    ended: list[str] = []

    async def slow(x: int) -> str:
        """Take long."""
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "done"

    played = play(
        alice=RESTARTS,
        bob=[answer("B."), calls(("slow", {"x": 1})), vote("agent1")],
        more={"bob": {"tools": [slow]}},
    )
    assert ended == ["cancelled"]
    assert played.outcomes("bob") == ["new_answer", "interrupted", "vote"]
    assert played.seconds == pytest.approx(5, abs=0.001)


@pytest.mark.parametrize("stubborn_s", [1.0, 30.0])
def test_a_provider_that_ignores_its_cancellation_holds_nobody_up(stubborn_s: float) -> None:
    """The round goes on after a short grace; the end of the run waits for the straggler."""
    ended: list[float] = []

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(stubborn_s)
                raise
            finally:
                ended.append(asyncio.get_running_loop().time())
        async for chunk in drafts("B.") if number == 1 else votes():
            yield chunk

    played = play(alice=RESTARTS, bob=Improvised(act))
    assert played.of_round_seconds(2) <= 5 + GRACE_S + 0.01
    assert ended
    assert ended[0] <= played.seconds
    assert played.seconds <= 5 + GRACE_S + stubborn_s + 0.01
    assert played.outcomes("bob") == ["new_answer", "interrupted", "vote"]


def test_what_a_stopped_provider_still_says_is_dropped() -> None:
    """A stream that goes on after its cancellation is heard by nobody."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number != 2:
            async for chunk in drafts("B.") if number == 1 else votes():
                yield chunk
            return
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)
        for _ in range(10):
            await asyncio.sleep(0.1)
            yield ContentChunk("late ")
        yield whole("new_answer", content="Too late.")
        yield DoneChunk("tool_calls")

    played = play(alice=RESTARTS, bob=Improvised(act))
    assert played.of(AgentText, "bob") == []
    assert "bob" in played.result.answers
    assert "Too late." not in str(played.result)
    assert len([e for e in played.of(TurnEnded, "bob") if e.round == 2]) == 1


def test_a_stopped_request_is_not_sent_again() -> None:
    """An adapter that makes an error out of its cancellation is not asked once more."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                raise BackendConnectionError("Cut off.") from None
        async for chunk in drafts("B.") if number == 1 else votes():
            yield chunk

    actor = Improvised(act)
    played = play(alice=RESTARTS, bob=actor)
    assert played.requests["bob", 2] == 1
    assert actor.calls == 3
    assert played.seconds == pytest.approx(5, abs=0.01)


def test_finish_lets_everybody_run_on() -> None:
    """Votes of the round are dropped, its other answers are kept, and nobody is stopped."""
    played = play(
        {"on_new_answer": "finish"},
        alice=RESTARTS,
        bob=[answer("B."), vote("agent1", delay=20), vote("agent1")],
        carol=[answer("C."), answer("C, better.", delay=30), vote("agent1")],
    )
    assert played.of(AgentsReleased) == []
    assert published(played)[1] == {"alice": "A, better.", "carol": "C, better."}
    assert [(e.voter, e.t) for e in played.of(VoteDropped)] == [("bob", pytest.approx(35, abs=6))]
    assert played.outcomes("bob") == ["new_answer", "vote", "vote"]
    assert played.result.total.stopped == 0


def test_an_agent_at_its_cap_may_only_vote() -> None:
    """After its last answer, `vote` is the only tool."""
    played = play(
        {"max_answers_per_agent": 2},
        alice=[answer("A1."), answer("A2."), vote("agent1")],
        bob=[answer("B."), vote("agent1")],
    )
    assert [call.names for call in played.heard["alice"][:3]] == [
        {"new_answer"},
        {"new_answer", "vote"},
        {"vote"},
    ]
    assert "all the answers you may" in played.heard["alice"][2].text


def test_an_agent_for_whom_nothing_is_legal_abstains_without_a_call() -> None:
    """At its cap and barred from voting for itself, it is not asked, and costs nothing."""
    played = play(
        {"max_answers_per_agent": 1, "self_votes": "forbid"},
        alice=[answer("A.")],
        bob=[{"error": "auth"}],
        carol=[{"text": "Hm."}],
    )
    turns = played.of(TurnEnded, "alice")
    assert [turn.outcome for turn in turns] == ["new_answer", "abstained"]
    assert turns[1].usage["calls"] == 0
    assert "nothing" in turns[1].why
    assert played.result.winner == "alice"
    assert played.result.rounds == 1


def test_a_resting_agent_does_not_make_others_wait_for_another_round() -> None:
    """Who can do nothing is not waited for: the others' votes settle it at once."""
    played = play(
        {"max_answers_per_agent": 1, "self_votes": "forbid"},
        alice=[answer("A.")],
        bob=[{"text": "Hm."}],
        carol=[answer("A.", delay=1), vote("agent1")],
    )
    assert played.result.answers == {"alice": "A."}
    assert played.outcomes("alice") == ["new_answer", "abstained"]
    assert played.outcomes("carol") == ["new_answer", "vote"]
    assert played.result.settled_by == "consensus"
