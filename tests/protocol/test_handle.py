"""The handle of a running team: stop one agent, ask one afresh, change the team in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, LLMBackend, Policy, Run, Team, UserError
from massgraph.backends.chunks import StreamChunk, ToolCallDeltaChunk
from massgraph.nodes.events import AgentRetried, Event, RoundOpened, RunStarted

from ..vloop import run_virtual
from .stage import (
    Actor,
    Improvised,
    Played,
    Script,
    Turn,
    answer,
    calls,
    cast_of,
    check,
    drafts,
    final,
    play_team,
    vote,
)

Deed = tuple[float, Callable[[Run], None]]


def perform(
    *deeds: Deed,
    policy: dict[str, Any] | None = None,
    more: dict[str, dict[str, Any]] | None = None,
    **agents: Script | LLMBackend,
) -> Played:
    """Play a run while a person does things with its handle, each at its second."""

    async def play() -> Played:
        loop, cast = asyncio.get_running_loop(), cast_of(agents)
        members = [Agent(name, part, **(more or {}).get(name, {})) for name, part in cast.items()]
        before, began = asyncio.all_tasks(), loop.time()
        run = Team(members, Policy(**(policy or {}))).start("q?")
        for at, deed in deeds:
            loop.call_later(at, deed, run)
        events: list[Event] = [event async for event in run]
        result = await run.result()
        seconds = loop.time() - began
        assert not asyncio.all_tasks() - before
        check(events, result)
        heard = {name: part.heard for name, part in cast.items() if isinstance(part, Actor)}
        return Played(result, events, cast, seconds, heard)

    return run_virtual(play())


def cancel(agent: str) -> Callable[[Run], None]:
    """Return the deed that stops an agent."""
    return lambda run: run.cancel_agent(agent)


def retry(agent: str) -> Callable[[Run], None]:
    """Return the deed that asks an agent afresh."""
    return lambda run: run.retry_agent(agent)


HANGS = {"hang": True}
ALICE = [answer("A."), vote("agent1", delay=20), vote("agent1"), final("Done.")]


@pytest.mark.parametrize("turn", [HANGS, {"text": "Let me", "hang": True}], ids=["silent", "begun"])
def test_an_agent_is_stopped_at_once(turn: dict[str, Any]) -> None:
    """Its provider is left, its turn has failed, and it sits out; the others go on."""
    played = perform((5, cancel("bob")), alice=ALICE, bob=[turn])
    (call,) = played.heard["bob"]
    assert (call.stopped, call.ended) == (True, pytest.approx(5, abs=0.001))
    assert played.outcomes("bob") == ["failed"]
    failure = played.result.failures["bob"]
    assert (failure.kind, failure.message) == ("cancelled", "the agent was cancelled")
    assert [event.asked for event in played.of(RoundOpened)] == [["alice", "bob"], ["alice"]]
    assert (played.result.outcome, played.result.answer) == ("settled", "Done.")
    assert played.result.usage["bob"].stopped == 1


def test_a_running_tool_is_stopped() -> None:
    """It is cancelled like a call."""
    ended: list[str] = []

    async def slow(x: int) -> str:
        """Take long."""
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "done"

    played = perform(
        (5, cancel("bob")),
        more={"bob": {"tools": [slow]}},
        alice=ALICE,
        bob=[calls(("slow", {"x": 1})), answer("B.")],
    )
    assert ended == ["cancelled"]
    assert played.outcomes("bob") == ["failed"]


def test_who_is_not_at_its_turn_is_stopped_when_it_would_be_asked() -> None:
    """What it has cast stands: a vote does, and its answer too."""
    played = perform(
        (12, cancel("bob")),
        alice=[answer("A."), vote("agent2", delay=20), final("Done.")],
        bob=[answer("B."), vote("agent2", delay=10), final("B wins.")],
    )
    assert played.outcomes("bob") == ["new_answer", "vote"]
    assert [(v.voter, v.candidate) for v in played.result.votes] == [
        ("alice", "bob"),
        ("bob", "bob"),
    ]
    assert (played.result.winner, played.result.presented) == ("bob", "fallback")
    assert played.result.failures["bob"].kind == "cancelled"
    next_time = perform(
        (12, cancel("bob")),
        alice=[answer("A.", delay=20), answer("A, better.", delay=5), vote("agent1")],
        bob=[answer("B.", delay=10), vote("agent1")],
    )
    assert next_time.outcomes("bob") == ["new_answer", "failed"]
    assert len(next_time.heard["bob"]) == 1


def test_an_agent_is_asked_afresh_at_its_turn() -> None:
    """Its call is stopped and made again: no attempt is lost, and what it wrote is void."""
    played = perform(
        (5, retry("bob")),
        (7, retry("bob")),
        policy={"attempts": 1},
        alice=ALICE,
        bob=[{"text": "Let me think.", "hang": True}, HANGS, answer("B."), vote("agent1")],
    )
    first, second, third, *_ = played.heard["bob"]
    assert first.ended == second.began == pytest.approx(5, abs=0.001)
    assert second.ended == third.began == pytest.approx(7, abs=0.001)
    assert [m.text for m in first.messages] == [m.text for m in third.messages]
    assert len(played.of(AgentRetried, "bob")) == 2
    assert played.outcomes("bob") == ["new_answer", "vote"]
    usage = played.result.usage["bob"]
    assert (usage.stopped, usage.wasted_tokens) == (2, -(-len("Let me think.") // 4))


def test_what_was_written_before_is_void() -> None:
    """An answer that was half there when its agent was asked afresh is not part of the next."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 1:
            yield ToolCallDeltaChunk(0, id="b1", name="new_answer", arguments='{"content": "Half')
            await asyncio.sleep(100)
        async for chunk in drafts("Whole."):
            yield chunk

    played = perform(
        (5, retry("bob")), (8, Run.cancel), alice=[HANGS], bob=Improvised(act), policy={}
    )
    assert played.result.answers == {"bob": "Whole."}


@pytest.mark.parametrize("deeds", [((5, cancel("bob")), (8, retry("bob"))), ((8, retry("bob")),)])
def test_who_has_failed_is_asked_again(deeds: tuple[Deed, ...]) -> None:
    """It owes from the next round on, and its failure is gone."""
    bob = [HANGS, answer("B."), vote("agent1")] if len(deeds) == 2 else [
        {"error": "auth"}, answer("B."), vote("agent1")
    ]  # fmt: skip
    alice = [answer("A.", delay=10), vote("agent1"), vote("agent1"), final("Done.")]
    played = perform(*deeds, alice=alice, bob=bob)
    assert played.outcomes("bob") == ["failed", "new_answer", "vote"]
    assert played.result.failures == {}
    assert len(played.of(AgentRetried, "bob")) == 1
    assert played.of(RoundOpened)[1].asked == ["alice", "bob"]


def test_what_changes_nothing() -> None:
    """Who is neither at its turn nor out has nothing to begin afresh."""
    played = perform(
        (12, retry("bob")),
        alice=[answer("A."), vote("agent1", delay=20), final("Done.")],
        bob=[answer("B."), vote("agent1", delay=10)],
    )
    assert played.of(AgentRetried) == []
    assert played.outcomes("bob") == ["new_answer", "vote"]


def test_a_tool_is_stopped_and_its_agent_asked_afresh() -> None:
    """Every call of its gets a result all the same."""

    async def slow(x: int) -> str:
        """Take long."""
        await asyncio.sleep(100)
        return "done"

    played = perform(
        (5, retry("bob")),
        more={"bob": {"tools": [slow]}},
        alice=ALICE,
        bob=[calls(("slow", {"x": 1})), answer("B."), vote("agent1")],
    )
    again = played.heard["bob"][1]
    assert again.began == pytest.approx(5, abs=0.001)
    assert again.unanswered() == []
    assert [message.status for message in again.tool_results] == ["error"]


def test_whom_there_is_not() -> None:
    """An unknown id is a mistake; a run that is over takes no orders any more."""

    async def play() -> None:
        team = Team([Agent("alice", Actor([answer("A.")]))], Policy(final="reuse"))
        async with team.start("q?") as run:
            for order in (run.cancel_agent, run.retry_agent):
                with pytest.raises(UserError, match="no agent 'bob' in the run; there are: alice"):
                    order("bob")
            assert (await run.result()).answer == "A."
            run.cancel_agent("alice")
            run.retry_agent("alice")
            assert (run.status, (await run.result()).failures) == ("settled", {})

    run_virtual(play())


class Closing(Actor):
    """An actor that notes when it is closed."""

    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


def newcomer(name: str = "carol") -> Agent:
    """Return an agent to add."""
    return Agent(name, Closing(lines(name) * 3))


def lines(name: str) -> list[Turn]:
    """Return what an agent says to one question."""
    drafting, voting = answer(f"{name}.", when="no_answers"), vote("agent1", when="answers")
    return [drafting, voting, final("Done.")]


def test_the_team_changes_between_questions() -> None:
    """The next question of the thread goes to the team as it is then, with labels of its own."""

    async def play() -> tuple[list[Played], list[int]]:
        cast = {name: Closing(lines(name) * 3) for name in "ab"}
        team = Team([Agent(n, p) for n, p in cast.items()], checkpointer=InMemorySaver())
        played = [await play_team(team, "One?", cast, thread_id="t")]
        team.add_agent(newcomer())
        played.append(await play_team(team, "Two?", cast, thread_id="t"))
        team.remove_agent("a")
        played.append(await play_team(team, "Three?", cast, thread_id="t"))
        await team.aclose()
        return played, [part.closed for part in cast.values()]

    played, closed = run_virtual(play())
    started = [one.of(RunStarted)[0] for one in played]
    assert [[agent["id"] for agent in event.agents] for event in started] == [
        ["a", "b"],
        ["a", "b", "carol"],
        ["b", "carol"],
    ]
    assert [list(one.result.answers) for one in played][1:] == [["a", "b", "carol"], ["b", "carol"]]
    assert all(one.result.outcome == "settled" for one in played)
    third = [call for call in played[2].heard["b"] if "Three?" in call.text]
    assert third[1].targets == ["agent1", "agent2"]
    assert "One?" in third[0].text
    assert closed == [1, 1]


def test_a_run_that_is_going_on_keeps_its_team() -> None:
    """It was started with these agents, and ends with them."""

    async def play() -> list[str]:
        team = Team([Agent("alice", Actor(ALICE)), Agent("bob", Actor([answer("B."), vote()]))])
        run = team.start("q?")
        team.add_agent(newcomer())
        team.remove_agent("bob")
        async with run:
            return list((await run.result()).answers)

    assert run_virtual(play()) == ["alice", "bob"]


def test_changes_that_do_not_fit() -> None:
    """They are refused, and the team is what it was."""
    policy = Policy(weights={"bob": 2.0}, quorum=2)
    team = Team([newcomer("alice"), newcomer("bob"), newcomer("dave")], policy)
    for change, said in (
        (lambda: team.add_agent(newcomer("ALICE")), "Two agents are called 'ALICE'"),
        (lambda: team.remove_agent("bob"), "weights names 'bob'"),
        (lambda: team.remove_agent("erin"), "no agent 'erin' in the team"),
    ):
        with pytest.raises(UserError, match=said):
            change()
    assert [agent.id for agent in team.agents] == ["alice", "bob", "dave"]
    team.remove_agent("dave")
    with pytest.raises(UserError, match="quorum of 2"):
        team.remove_agent("alice")
    with pytest.raises(UserError, match="at least one agent"):
        Team([newcomer()]).remove_agent("carol")
