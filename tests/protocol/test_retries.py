"""A provider that fails before its first chunk is asked again, never more often than allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import pytest

from massgraph.backends.chunks import ContentChunk, ErrorChunk, StreamChunk
from massgraph.backends.errors import (
    BackendConnectionError,
    BackendError,
    OverloadedError,
    RateLimitError,
    error_class,
)

from .stage import INFINITE, Improvised, Played, answer, drafts, play, vote

RETRIED = ["rate_limit", "overloaded", "timeout", "connection", "incomplete_stream", "malformed"]
FINAL = ["auth", "bad_request", "refused", "internal"]


def failing(error: Callable[[int], BackendError | None]) -> Improvised:
    """Return an actor whose call fails before its first chunk, wherever `error` gives an error."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        found = error(number)
        if found is not None:
            yield ErrorChunk(found)
            return
        async for chunk in drafts("A."):
            yield chunk

    return Improvised(act)


def waits(played: Played, agent: str = "alice") -> list[float]:
    """Return the seconds between an agent's requests."""
    return [later.began - earlier.began for earlier, later in pairwise(played.heard[agent])]


def test_a_request_is_sent_again_after_a_wait_that_grows() -> None:
    """Half a second and then twice as long, less at most a quarter that is random."""
    actor = failing(lambda number: OverloadedError("Later.") if number < 3 else None)
    played = play(alice=actor)
    first, second = waits(played)
    assert 0.375 <= first <= 0.5
    assert 0.75 <= second <= 1.0
    usage = played.result.usage["alice"]
    assert (usage.calls, usage.retries, usage.wasted_tokens) == (1, 2, 0)
    assert played.result.answer == "A."


def test_agents_that_failed_together_do_not_return_together() -> None:
    """Their waits differ, and are the same whenever the run is repeated."""

    def once() -> list[float]:
        played = play(
            **{
                name: failing(lambda n: OverloadedError("Later.") if n == 1 else None)
                for name in ("alice", "bob", "carol")
            },
            policy={"final": "reuse"},
        )
        return [waits(played, name)[0] for name in played.heard]

    assert len(set(once())) == 3
    assert once() == once()


@pytest.mark.parametrize("seconds", [0.0, 3.5, 45.0, 120.0])
def test_the_wait_that_a_provider_asks_for_is_kept_to_the_second(seconds: float) -> None:
    """Retry-After counts as it is, also where it is longer than the silence that is allowed."""
    error = RateLimitError("Later.", retry_after=seconds)
    actor = failing(lambda number: error if number == 1 else None)
    played = play({"idle_timeout_s": 30}, alice=actor)
    assert waits(played) == pytest.approx([seconds], abs=1e-3)
    assert played.result.answer == "A."


def test_a_wait_that_is_too_long_is_not_waited() -> None:
    """A provider that asks for more than two minutes is out for this question."""
    played = play(alice=failing(lambda _: RateLimitError("Later.", retry_after=121)))
    assert played.requests["alice", 1] == 1
    assert played.result.failures["alice"].kind == "rate_limit"
    assert played.seconds < 1


def test_a_wait_ends_at_the_rounds_deadline() -> None:
    """An agent that must wait longer than the round lasts is cut, not failed."""
    slow = failing(lambda number: RateLimitError("Later.", retry_after=100))
    policy = {"round_deadline_s": 30, "max_unfinished_rounds": 0}
    played = play(policy, alice=slow, bob=[answer("B."), vote()])
    assert played.outcomes("alice")[0] == "abstained"
    assert played.of_round_seconds(1) == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("kind", RETRIED)
def test_a_failure_that_may_pass_is_tried_three_times(kind: str) -> None:
    """Then the agent is failed, with the kind of the last error."""
    actor = failing(lambda _: error_class(kind)("It went wrong."))
    played = play(alice=actor, bob=[answer("B."), vote()])
    assert actor.calls == 3
    failure = played.result.failures["alice"]
    assert (failure.kind, failure.message, failure.round) == (kind, "It went wrong.", 1)
    assert played.result.winner == "bob"


@pytest.mark.parametrize("kind", FINAL)
def test_a_failure_that_will_not_pass_ends_the_turn_at_once(kind: str) -> None:
    """One request, no wait."""
    actor = failing(lambda _: error_class(kind)("No."))
    played = play(alice=actor, bob=[answer("B."), vote()])
    assert actor.calls == 1
    assert played.result.failures["alice"].kind == kind
    assert played.seconds < 0.1


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_requests_and_broken_streams_share_the_tries(attempts: int) -> None:
    """However failures before and after the first chunk mix, a turn has `attempts` requests."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number % 2 == 0:
            yield ContentChunk("Half")
        raise BackendConnectionError("Gone.")

    actor = Improvised(act)
    played = play({"attempts": attempts, **INFINITE}, alice=actor, bob=[answer("B."), vote()])
    assert actor.calls == attempts
    assert played.requests["alice", 1] == attempts
    assert played.result.failures["alice"].kind == "connection"


def test_what_is_no_error_of_a_provider_is_a_bug_of_its_adapter() -> None:
    """An adapter that raises anything else is failed at once, and named with what it raised."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        raise KeyError("choices")
        yield

    actor = Improvised(act)
    played = play(alice=actor, bob=[answer("B."), vote()])
    assert actor.calls == 1
    failure = played.result.failures["alice"]
    assert (failure.kind, failure.message) == ("internal", "KeyError: 'choices'")
