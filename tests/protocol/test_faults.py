"""Whatever a provider does wrong, the run ends by itself, soon, and says what went wrong."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import pytest

from massgraph import LLMBackend
from massgraph.backends.chunks import ContentChunk, DoneChunk, ErrorChunk, StreamChunk
from massgraph.backends.errors import OverloadedError

from .stage import (
    Actor,
    Improvised,
    Played,
    Turn,
    answer,
    calls,
    drafts,
    play,
    says,
    vote,
    whole,
)

MINUTE = 60.0
HANG_S = 3 * MINUTE + 1
"""What a provider that hangs costs at most: three silences of a minute, and nothing after them."""
HALF: Turn = {"text": "Half", "error": "incomplete_stream"}
ROUND_S = 300.0
RUN_S = 1800.0
"""What a round and a run may take by default."""


def scripted(*turns: Turn) -> Callable[[], LLMBackend]:
    """Return what makes an actor of these turns."""
    return lambda: Actor(turns)


def improvised(
    act: Callable[[int, set[str]], AsyncIterator[StreamChunk]],
) -> Callable[[], LLMBackend]:
    """Return what makes an actor that follows a function."""
    return lambda: Improvised(act)


async def _raises(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    raise RuntimeError("boom")
    yield


async def _raises_late(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    yield ContentChunk("Well, ")
    raise RuntimeError("boom")


async def _error_chunk(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    yield ErrorChunk(OverloadedError("Overloaded."))


async def _no_tool(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    async for chunk in says("I would rather talk."):
        yield chunk


async def _nothing(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    return
    yield


async def _only_done(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    yield DoneChunk()


async def _always_answers(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    async for chunk in drafts(f"Version {number}."):
        yield chunk


async def _babbles(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    while True:
        yield ContentChunk("and ")
        await asyncio.sleep(1)


async def _both(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
    yield whole("vote", "call_1", agent_id="agent1", reason="")
    yield whole("new_answer", "call_2", content=f"Version {number}.")
    yield DoneChunk("tool_calls")


FAULTS: dict[str, tuple[Callable[[], LLMBackend], str | None, float]] = {
    # fault: (a backend that has it, the kind of its failure, seconds that the run may take)
    "raises": (improvised(_raises), "internal", 1),
    "raises in the middle": (improvised(_raises_late), "internal", 1),
    "reports an error": (improvised(_error_chunk), "overloaded", 2),
    "has a wrong key": (scripted({"error": "auth"}), "auth", 1),
    "calls no tool": (improvised(_no_tool), "protocol", 1),
    "sends nothing": (improvised(_nothing), "incomplete_stream", 2),
    "sends nothing but done": (improvised(_only_done), "protocol", 1),
    "breaks off": (
        scripted({"text": "Half", "error": "incomplete_stream"}),
        "incomplete_stream",
        2,
    ),
    "votes for nobody": (scripted(vote("agent77")), "protocol", 1),
    "votes twice": (
        scripted(calls(*[("vote", {"agent_id": "agent2", "reason": ""})] * 2)),
        "protocol",
        1,
    ),
    "votes and answers": (improvised(_both), "protocol", 1),
    "calls an unknown tool": (scripted(calls(("rm", {"path": "/"}))), "protocol", 1),
    "always answers": (improvised(_always_answers), "protocol", 1),
    "repeats others": (scripted(answer("Mine."), answer("Bob's.")), "protocol", 1),
    "hangs": (scripted({"hang": True}), "timeout", HANG_S),
    "hangs after a word": (scripted({"text": "Well", "hang": True}), "timeout", HANG_S),
    "babbles without end": (improvised(_babbles), None, 3 * ROUND_S + 1),
}


def good() -> dict[str, LLMBackend]:
    """Return two agents that do what they should."""
    return {
        "bob": Actor([answer("Bob's."), vote("agent2", when="answers")]),
        "carol": Actor([answer("Carol's."), vote("agent2", when="answers")]),
    }


def assert_ended(played: Played, *, within: float) -> None:
    """Assert that a run ended in time, and that no turn made more than three requests."""
    assert played.seconds <= within
    assert max(played.requests.values()) <= 3


@pytest.mark.parametrize("fault", FAULTS)
def test_one_agent_that_fails_beside_two_good_ones(fault: str) -> None:
    """The two settle it between them, and the result says what became of the third."""
    make, kind, seconds = FAULTS[fault]
    played = play(alice=make(), **good())
    assert_ended(played, within=seconds)
    result = played.result
    assert (result.outcome, result.winner, result.answer) == ("settled", "bob", "Bob's.")
    assert {name: f.kind for name, f in result.failures.items()} == (
        {"alice": kind} if kind else {}
    )
    assert [v.candidate for v in result.votes if v.voter != "alice"] == ["bob", "bob"]


WITH_ANSWERS = ("always answers", "repeats others", "babbles without end")
NO_ANSWER = [fault for fault in FAULTS if fault not in WITH_ANSWERS]


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_all_agents_failing_alike(fault: str) -> None:
    """The run ends without an answer, and every agent's failure says why."""
    make, kind, seconds = FAULTS[fault]
    played = play(alice=make(), bob=make(), carol=make())
    assert_ended(played, within=seconds)
    result = played.result
    assert (result.outcome, result.answer, result.winner) == ("no_answer", None, None)
    assert {f.kind for f in result.failures.values()} == {kind}
    assert list(result.failures) == ["alice", "bob", "carol"]
    assert result.rounds == 1


def test_all_agents_always_answering() -> None:
    """Three answers each, then nobody may do anything but vote: whoever can't is failed."""
    make, _, _ = FAULTS["always answers"]
    played = play(alice=make(), bob=make(), carol=make())
    assert_ended(played, within=1)
    assert played.outcomes("alice") == ["new_answer"] * 3 + ["failed"]
    assert {f.kind for f in played.result.failures.values()} == {"protocol"}
    assert (played.result.outcome, played.result.winner) == ("settled", "alice")


def test_all_agents_repeating_each_other() -> None:
    """Equal first drafts are one answer; repeating it is refused, and it wins all the same."""
    played = play(alice=[answer("Same.")], bob=[answer("Same.")], carol=[answer(" Same. ")])
    assert_ended(played, within=1)
    assert played.result.answers == {"alice": "Same."}
    assert (played.result.outcome, played.result.answer) == ("settled", "Same.")
    assert set(played.result.failures) == {"alice", "bob", "carol"}


def test_all_agents_babbling_without_end() -> None:
    """Two rounds to the deadline, and that is it: nobody has an answer."""
    make, _, _ = FAULTS["babbles without end"]
    played = play(alice=make(), bob=make(), carol=make())
    assert_ended(played, within=2 * ROUND_S + 1)
    assert played.result.outcome == "no_answer"
    assert played.outcomes("alice") == ["abstained", "abstained"]


def test_all_faults_at_once() -> None:
    """A team of nothing but faults ends within the run's deadline, on an answer that there is."""
    names = [f"agent_{number}" for number in range(len(FAULTS))]
    cast = {name: make() for name, (make, _, _) in zip(names, FAULTS.values(), strict=True)}
    played = play(**cast)
    assert_ended(played, within=RUN_S + 1)
    kinds = {n: kind for n, (_, kind, _) in zip(names, FAULTS.values(), strict=True) if kind}
    failures = {name: failure.kind for name, failure in played.result.failures.items()}
    assert {name: failures.get(name) for name in kinds} == kinds
    assert (played.result.outcome, played.result.settled_by) == ("settled", "deadline")
    assert played.result.answer in played.result.answers.values()


PAIRS = list(itertools.combinations(["raises", "calls no tool", "always answers", "hangs"], 2))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_different_faults_beside_a_good_agent(one: str, other: str) -> None:
    """The one that does what it should is enough."""
    carol = Actor([answer("Carol's."), vote("last", when="answers")])
    played = play(alice=FAULTS[one][0](), bob=FAULTS[other][0](), carol=carol)
    assert_ended(played, within=HANG_S)
    assert (played.result.outcome, played.result.winner) == ("settled", "carol")
    assert "carol" not in played.result.failures
