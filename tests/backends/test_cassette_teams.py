"""Teams that were recorded once play again: the same result, and the same events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from massgraph import Agent, LLMBackend, Policy, Team
from massgraph.backends.cassette import RecordBackend, ReplayBackend
from massgraph.backends.chunks import ContentChunk, DoneChunk, StreamChunk, ToolCallDeltaChunk
from massgraph.backends.registry import build_backend
from massgraph.nodes.events import Delta, Event, event_to_dict

from ..protocol.stage import (
    Improvised,
    Played,
    answer,
    begun,
    calls,
    cast_of,
    drafts,
    final,
    play_team,
    vote,
    votes,
)
from ..vloop import run_virtual
from ..wire.brain import brain
from ..wire.server import LoopbackServer

TIMES = ("seq", "t", "thread_id", "duration_s", "seconds")


def essence(events: list[Event]) -> dict[str, list[dict[str, Any]]]:
    """Return each agent's events, and the team's (under ""), less the times; deltas are merged."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        said = timeless(event_to_dict(event))
        of = told.setdefault(str(said.get("agent", "")), [])
        if isinstance(event, Delta) and of and of[-1]["type"] == event.type:
            of[-1]["delta"] += event.delta
        else:
            of.append(said)
    return told


def timeless(said: Any) -> Any:
    """Return what an event or a result says, less the times."""
    if isinstance(said, Mapping):
        return {key: timeless(value) for key, value in said.items() if key not in TIMES}
    return [timeless(one) for one in said] if isinstance(said, list) else said


def play(cast: Mapping[str, LLMBackend], **policy: Any) -> Played:
    """Play a team on the virtual clock, and close its backends."""

    async def played() -> Played:
        team = Team([Agent(agent, backend) for agent, backend in cast.items()], Policy(**policy))
        async with team:
            return await play_team(team, cast=cast)

    return run_virtual(played())


def check_same(one: Played, other: Played) -> None:
    """Assert that two plays are the same but for the times."""
    assert timeless(other.result.to_dict()) == timeless(one.result.to_dict())
    assert other.result.cost == one.result.cost
    first, second = essence(one.events), essence(other.events)
    for agent in first:
        assert second[agent] == first[agent], agent
    assert first.keys() == second.keys()


def record(cast: Mapping[str, LLMBackend], tape: Path, **policy: Any) -> Played:
    """Play a team, and record it."""
    return play({name: RecordBackend(one, tape, name) for name, one in cast.items()}, **policy)


def replay(names: Mapping[str, Any], tape: Path, speed: float = 0.0, **policy: Any) -> Played:
    """Play what was recorded."""
    return play({name: ReplayBackend(tape, name, speed) for name in names}, **policy)


@pytest.mark.parametrize("speed", [0.0, 7.0])
def test_a_team_plays_again(speed: float, tmp_path: Path) -> None:
    """Answers, votes, tool calls, errors, retries and the final answer are those recorded."""
    cast = cast_of(
        {
            "alice": [
                {"error": "overloaded"},
                calls(("nothing", {}), delay=1.0),
                answer("4", text="Let me see.", delay=2.0),
                vote(delay=1.0),
                final("It is 4."),
            ],
            "bob": [answer("5", delay=4.0, reasoning="hm"), vote(delay=0.5, reason="clear")],
            "carol": [{"error": "auth"}],
        }
    )
    recorded = record(cast, tmp_path / "c", rule="plurality")
    assert recorded.result.answer == "It is 4."
    assert recorded.result.to_dict()["usage"]["alice"]["retries"] == 1
    check_same(recorded, replay(cast, tmp_path / "c", speed, rule="plurality"))


async def writes(text: str, for_s: float) -> AsyncIterator[StreamChunk]:
    """Begin a new answer at once, and take a while to write it."""
    yield begun("new_answer")
    yield ToolCallDeltaChunk(0, arguments='{"content":')
    await asyncio.sleep(for_s)
    yield ToolCallDeltaChunk(0, arguments=f'"{text}"}}')
    yield DoneChunk("tool_calls")


def late_team() -> dict[str, LLMBackend]:
    """Return a team in which an answer stops one who has said a little, and spares one."""
    carol = {1: lambda: drafts("c"), 2: lambda: writes("c, improved", 5.0)}
    return {
        **cast_of(
            {
                "alice": [answer("a"), answer("a, better", delay=2.0), vote()],
                "bob": [answer("b"), {"text": "Thinking it over", "hang": True}, vote("last")],
            }
        ),
        "carol": Improvised(lambda number, _: carol.get(number, lambda: votes("agent3"))()),
    }


@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_who_was_stopped_is_stopped_again(speed: float, tmp_path: Path) -> None:
    """A call that was stopped says what it said, and its wasted text counts as it did."""
    recorded = record(late_team(), tmp_path / "c")
    used = recorded.result.to_dict()["usage"]
    assert (used["bob"]["stopped"], used["carol"]["stopped"]) == (1, 0)
    assert used["bob"]["wasted_tokens"] == 4
    check_same(recorded, replay(recorded.cast, tmp_path / "c", speed))


async def thinks(for_s: int, then: AsyncIterator[StreamChunk]) -> AsyncIterator[StreamChunk]:
    """Say something every second, and then the rest."""
    for number in range(for_s):
        await asyncio.sleep(1.0)
        yield ContentChunk(f"{number} ")
    async for chunk in then:
        yield chunk


def test_order_does_not_hang_on_chance(tmp_path: Path) -> None:
    """At once, too, who said much and was done first is done before who came later with little."""
    bob = {1: lambda: drafts("b"), 2: lambda: thinks(20, votes())}
    cast = {
        **cast_of({"alice": [answer("a"), answer("a, better", delay=21.0), vote()]}),
        "bob": Improvised(lambda number, _: bob.get(number, lambda: votes("agent1"))()),
    }
    recorded = record(cast, tmp_path / "c")
    assert recorded.outcomes("bob") == ["new_answer", "vote", "vote"]
    check_same(recorded, replay(cast, tmp_path / "c"))


def test_another_run_does_not_wait_for_ever(tmp_path: Path) -> None:
    """Where one of those who were recorded never speaks, the others go on without it."""
    cast = cast_of({"alice": [answer("a", delay=1.0), vote()], "bob": [answer("b"), vote()]})
    record(cast, tmp_path / "c")
    idle = ReplayBackend(tmp_path / "c", "bob")
    alone = play({"alice": ReplayBackend(tmp_path / "c", "alice")})
    assert alone.result.answers["alice"] == "a"
    assert alone.seconds < 10
    del idle


def test_four_providers_play_without_any(tmp_path: Path) -> None:
    """What four SDKs have said plays without them: answers, votes, tokens and dollars."""
    tape = tmp_path / "c"
    with LoopbackServer(brain) as server:
        cast = {name: RecordBackend(one, tape, name) for name, one in four(server).items()}
        recorded = asyncio.run(told(cast))
    result = recorded.result
    assert result.outcome == "settled"
    assert result.cost is not None
    assert result.cost > 0
    assert len(result.votes) == 4
    check_same(recorded, replay(cast, tape, 1.0))
    check_same(recorded, replay(cast, tape, 0.0))


def four(server: LoopbackServer) -> dict[str, LLMBackend]:
    """Return a backend of each provider, on the server."""
    origin = server.origin
    return {
        name: build_backend(spec, base_url=f"{origin}{path}", api_key="k")
        for name, spec, path in (
            ("gpt", "openai:gpt-5.4", "/v1"),
            ("claude", "claude:claude-sonnet-5", ""),
            ("gemini", "gemini:gemini-3.8-flash", ""),
            ("grok", "grok:grok-4.5", "/xai/v1"),
        )
    }


async def told(cast: Mapping[str, LLMBackend]) -> Played:
    """Play a team in real time."""
    async with Team([Agent(agent, backend) for agent, backend in cast.items()]) as team:
        return await play_team(team, cast=cast)
