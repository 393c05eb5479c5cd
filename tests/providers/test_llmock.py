"""llmock's verdict on whole teams, and the contract of backends, over llmock's four protocols.

llmock plays the provider and judges what the client does: whether it waits as long as it is asked
to, tries again what is worth it and nothing else, and takes no half answer for a whole one. Each
fault meets a real team, so that adapter, retry policy and machine are judged as one client.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import (
    Behavior,
    Delay,
    Fail,
    Match,
    Reply,
    SlowFirstToken,
    StreamFault,
    ToolCall,
    ToolFault,
)
from llmock.testing import LLMockServer
from llmock.verdict import Verdict

from massgraph import Agent, Policy, Result, Team
from massgraph.backends.errors import BackendErrorKind

from .seats import KEY, SEATS, Seat

pytestmark = pytest.mark.soak  # in `make soak`: too slow for every run

PROTOCOLS = {
    "chat": "chat_completions",
    "responses": "openai",
    "messages": "claude",
    "gemini": "gemini",
}
"""llmock's protocols, and who speaks them."""
SOON, LATER = 0.05, 0.8
"""Seconds that llmock asks to wait: less, and more, than the engine would wait by itself."""
PATIENCE_S = 30.0
POLICY: Mapping[str, Any] = {"max_answers_per_agent": 1, "final": "reuse"}
"""One answer each, then votes: so a team settles on whatever llmock calls by itself."""
NEEDED = 2
"""Requests of an agent whom nothing befalls: for its answer, and for its vote."""

THOUGHT = "Let me think it over before I answer."
AT_LENGTH = "Let me go on about it. " * 20
"""What is still on its way when a corrupt chunk comes: a busy client needs time to leave."""
ANSWER = ToolCall("new_answer", {"content": "Because it rains for long."})
PACE_MS = 5
"""Milliseconds between chunks: a stream that is sent at once is over before anybody can leave it,
and llmock takes the next request for one that has nothing to do with it."""

STALL_S = 6.0
"""Seconds that llmock is silent where it stalls."""

Fault = Callable[[Match], Behavior]


@pytest.fixture(params=PROTOCOLS)
def seat(request: pytest.FixtureRequest) -> Seat:
    """Return one protocol after the other."""
    return SEATS[PROTOCOLS[request.param]]


def build(mock: LLMock, seat: Seat, agents: Iterable[str], **policy: Any) -> Team:
    """Return a team at llmock, each agent with a model of its own name."""
    backends = {
        name: seat.at(mock.base_url(seat.llmock), model=model_of(seat, name), max_tokens=256)
        for name in agents
    }
    return Team(
        [Agent(name, backend) for name, backend in backends.items()],
        Policy(**{**POLICY, **policy}),
    )


async def play(team: Team) -> Result:
    """Run a team."""
    async with asyncio.timeout(PATIENCE_S), team:
        return await team.arun("Why do rivers rise?")


def model_of(seat: Seat, agent: str) -> str:
    """Return the model of an agent, of a family that its provider knows."""
    return f"{seat.model}-{agent}"


def judged(mock: LLMock) -> Verdict:
    """Return the verdict, which must be clean: no error, and no warning either."""
    verdict = mock.verdict()
    verdict.assert_ok(strict=True)
    return verdict


def requests(mock: LLMock, seat: Seat, agents: Iterable[str]) -> dict[str, int]:
    """Return how many requests each agent made."""
    sent = Counter(record.model for record in mock.requests)
    return {agent: sent[model_of(seat, agent)] for agent in agents}


async def test_a_team_settles(llmock: LLMock, seat: Seat) -> None:
    """Answers, votes and the presented answer, without a fault."""
    result = await play(build(llmock, seat, ("alice", "bob"), final="present"))
    assert result.outcome == "settled"
    assert {vote.voter for vote in result.votes} == {"alice", "bob"}
    assert result.answer
    assert result.total.output_tokens > 0
    verdict = judged(llmock)
    assert verdict.faults == 0
    assert len(verdict.calls) == verdict.attempts == 5


def fails(status: int, **said: Any) -> Fault:
    """Return a fault that is an HTTP status."""
    return lambda match: Fail(status, match=match, **said)


def breaks(kind: Any, after: int, **said: Any) -> Fault:
    """Return a fault in the middle of a stream."""
    return lambda match: StreamFault(kind, after_chunks=after, match=match, **said)


RECOVERED: Mapping[str, tuple[int, Fault]] = {
    "fine": (0, lambda match: Delay(0.0, match=match)),
    "limited": (2, fails(429, retry_after=SOON, times=2)),
    "down": (1, fails(503, retry_after=LATER)),
    "overloaded": (1, fails(529, retry_after=SOON)),
    "late": (1, fails(504, retry_after=SOON)),
    "conflicting": (1, fails(409, retry_after=SOON)),
    "cut": (1, breaks("disconnect", 1)),
    "cut-at-once": (1, breaks("disconnect", 0)),
    "short": (1, breaks("truncate", 1)),
    "short-at-once": (1, breaks("truncate", 0)),
    "corrupt": (1, breaks("malformed", 1)),
    "corrupt-at-once": (1, breaks("malformed", 0)),
    "corrupt-late": (1, breaks("malformed", 5)),
    "slow": (0, lambda match: SlowFirstToken(0.2, match=match)),
    "sleepy": (0, lambda match: Delay(0.2, match=match)),
    "garbled": (1, lambda match: ToolFault("malformed_arguments", match=match)),
    "confused": (1, lambda match: ToolFault("unknown_tool", match=match)),
}
"""Agent -> how many more requests it needs, and what llmock does to it."""


UNSEEN = ("garbled", "confused")
"""Faults that llmock does not count."""


async def test_a_team_recovers(llmock: LLMock, seat: Seat) -> None:
    """Each agent meets another fault at its first request, and gets over it."""
    llmock.pace(PACE_MS)
    for agent, (more, fault) in RECOVERED.items():
        match = Match(model=model_of(seat, agent), stream=True)
        behavior = fault(match)
        heard = 1 if isinstance(behavior, Fail) else 1 + more
        thought = AT_LENGTH if agent.startswith("corrupt") else THOUGHT
        llmock.add(behavior, Reply(thought, (ANSWER,), times=heard, match=match))
    result = await play(build(llmock, seat, RECOVERED))
    assert result.failures == {}
    assert result.outcome == "settled"
    assert len(result.votes) == len(RECOVERED)
    verdict = judged(llmock)
    needed = {agent: NEEDED + more for agent, (more, _) in RECOVERED.items()}
    assert requests(llmock, seat, RECOVERED) == needed
    assert verdict.faults == sum(more for more, _ in RECOVERED.values()) - len(UNSEEN)


async def test_a_team_that_is_kept_waiting(llmock: LLMock, seat: Seat) -> None:
    """A stream that stalls is left after the idle timeout, and asked for again."""
    agents = ("stalled", "silent")
    stalled, silent = (Match(model=model_of(seat, agent), stream=True) for agent in agents)
    llmock.add(
        StreamFault("stall", 1, STALL_S, match=stalled), SlowFirstToken(STALL_S, match=silent)
    )
    llmock.add(Reply(THOUGHT, (ANSWER,), times=2, match=stalled))
    began = time.monotonic()
    result = await play(build(llmock, seat, agents, idle_timeout_s=STALL_S / 4))
    assert time.monotonic() - began < STALL_S
    assert result.outcome == "settled"
    assert result.failures == {}
    judged(llmock)
    sent = requests(llmock, seat, agents)
    assert min(sent.values()) > NEEDED
    waited = [record.stall_waited for record in llmock.requests if record.stall_waited]
    assert max(waited) < STALL_S


FATAL: Mapping[str, tuple[int, BackendErrorKind, Fault]] = {
    "wrong": (1, "bad_request", fails(400, times=None)),
    "locked": (1, "auth", fails(401, times=None)),
    "poor": (1, "auth", fails(402, times=None)),
    "forbidden": (1, "auth", fails(403, times=None)),
    "nowhere": (1, "bad_request", fails(404, times=None)),
    "fat": (1, "bad_request", fails(413, times=None)),
    "odd": (1, "bad_request", fails(422, times=None)),
    "long": (1, "bad_request", fails(400, times=None, code="context_length_exceeded")),
    "down": (3, "overloaded", fails(503, times=None, retry_after=SOON)),
    "limited": (3, "rate_limit", fails(429, times=None, retry_after=SOON)),
}
"""Agent -> how many requests it makes, how it fails, and what llmock does to it for good."""
BACKED_OFF: Mapping[str, tuple[int, BackendErrorKind, Fault]] = {
    "erring": (3, "overloaded", fails(500, times=None)),
    "cut": (3, "connection", breaks("disconnect", 0, times=None)),
}
"""The same, without a word of how long to wait: few at a time, as llmock compares the waits."""


@pytest.mark.parametrize("fatal", [FATAL, BACKED_OFF], ids=["fatal", "backed off"])
async def test_a_team_without_some(
    llmock: LLMock, seat: Seat, fatal: Mapping[str, tuple[int, BackendErrorKind, Fault]]
) -> None:
    """An agent whose provider is down for good is out, and asked no more than makes sense."""
    for agent, (_, _, fault) in fatal.items():
        llmock.add(fault(Match(model=model_of(seat, agent))))
    result = await play(build(llmock, seat, (*fatal, "bob")))
    assert result.winner == "bob"
    judged(llmock)
    kinds = {agent: failure.kind for agent, failure in result.failures.items()}
    wanted = {agent: kind for agent, (_, kind, _) in fatal.items()}
    if seat.provider == "gemini" and "odd" in fatal:
        wanted["odd"] = "auth"  # llmock has FAILED_PRECONDITION for it: of the account, at Google
    assert kinds == wanted
    assert requests(llmock, seat, fatal) == {agent: n for agent, (n, _, _) in fatal.items()}
    assert KEY not in repr(result)


@pytest.mark.parametrize(
    ("limits", "piece"), [({"rpm": 240}, 0), ({"tpm": 120_000}, 100)], ids=["requests", "tokens"]
)
async def test_a_team_at_its_limits(
    llmock: LLMock, llmock_server: LLMockServer, seat: Seat, limits: dict[str, int], piece: int
) -> None:
    """Once a minute's quota is used up, each request waits for as long as it is told to."""
    llmock.limits(**limits)
    team = build(llmock, seat, ("alice", "bob"), attempts=8)
    key = KEY if seat.provider == "gemini" else f"Bearer {KEY}"

    def use_up() -> None:
        while llmock_server.state.limiter.admit(seat.llmock, key, piece).allowed:
            pass

    def keep_empty() -> None:
        """Use up what is refilled until a request is refused: the team may be slow to start."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and not any(r.status == 429 for r in llmock.requests):
            use_up()
            time.sleep(0.002)

    use_up()
    emptying = asyncio.create_task(asyncio.to_thread(keep_empty))
    result = await play(team)
    await emptying
    assert result.outcome == "settled"
    assert result.failures == {}
    verdict = judged(llmock)
    assert verdict.faults > 0
