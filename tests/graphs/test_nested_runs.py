from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph

from massgraph import Agent, Policy, RunError, Team, UserError
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import StreamChunk
from massgraph.compose import GraphBackend, coordination, mixture
from massgraph.nodes.events import AgentStatus

from ..protocol.stage import Actor, answer, calls, final, play_team, vote
from ..vloop import run_virtual
from .test_nested import acts, inner, plain, played


class PowerCutError(BaseException):
    """What no code of a run expects."""


class Fragile(Actor):
    """An actor that is in the room when the power goes, at its second call."""

    broken = False

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        if len(self.heard) == 2 and not self.broken:
            self.broken = True
            raise PowerCutError
        return super().perform(messages, tools, **params)


@pytest.mark.parametrize("as_fallback", [False, True])
def test_a_resumed_run_asks_no_inner_agent_twice(as_fallback: bool) -> None:
    """Whoever had acted inside before a crash keeps its word, and what it used is counted."""
    script = [answer("9.9", when="no_answers"), vote(when="answers"), final("9.9")]

    def cast(fragile: Actor) -> tuple[Team, list[Actor]]:
        actors = [acts("9.9"), fragile]
        team = Team([Agent(f"i{n}", one) for n, one in enumerate(actors)], name="inner")
        broken = Actor([{"error": "auth"}])
        panel = Agent("p", broken, fallback=team) if as_fallback else Agent("p", team)
        return Team([panel, Agent("carol", acts("9.11"))]), actors

    async def scenario() -> None:
        whole, smooth = cast(Actor(script))
        plain = await whole.compile().ainvoke({"messages": [("human", "Which?")]})
        outer, actors = cast(Fragile(script))
        graph, thread = outer.compile(InMemorySaver()), {"configurable": {"thread_id": "t"}}
        with pytest.raises(PowerCutError):
            await graph.ainvoke({"messages": [("human", "Which?")]}, thread)  # type: ignore[arg-type]
        end = await graph.ainvoke(None, thread)  # type: ignore[arg-type]
        assert end["answer"] == plain["answer"] == "9.9"
        assert len(actors[0].heard) == len(smooth[0].heard)
        assert len(actors[1].heard) == len(smooth[1].heard) + 1
        assert end["usage"]["p"]["input_tokens"] == plain["usage"]["p"]["input_tokens"]

    asyncio.run(scenario())


def test_two_agents_share_a_team() -> None:
    """Two runs of one team at the same time do not meet."""
    shared = inner("9.9", "9.90")
    result = played(Team([Agent("left", shared), Agent("right", shared)])).result
    assert (result.answer, result.failures) == ("9.9", {})


def test_a_team_can_t_be_its_own_agent() -> None:
    """A circle of teams is refused, however wide it is."""
    team = inner("9.9")
    with pytest.raises(UserError, match="The team 'inner' can't be an agent of itself"):
        team.add_agent(Agent("me", team))
    outer = Team([Agent("inside", acts("1"), fallback=team)], name="outer")
    with pytest.raises(UserError, match="can't be an agent of itself"):
        team.add_agent(Agent("outside", outer))
    assert [agent.id for agent in team.agents] == ["inner_1"]


class Deaf(Actor):
    """An actor that goes on when it is cancelled."""

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        async def goes_on() -> AsyncIterator[StreamChunk]:
            for _ in range(2):
                try:
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    continue
            return
            yield

        return goes_on()


def test_what_does_not_stop_inside_is_not_left_behind() -> None:
    """A provider in an inner team that ignores its cancellation is waited for, within limits."""

    async def scenario() -> None:
        deaf = Deaf([{"text": "never"}])
        run = Team([Agent("panel", Team([Agent("deaf", deaf)])), Agent("c", acts("1"))]).start("?")
        await deaf.asked.wait()
        await asyncio.sleep(1)
        run.cancel()
        assert (await run.result()).outcome == "cancelled"
        assert len(asyncio.all_tasks()) == 1

    run_virtual(scenario())


def test_a_long_silence_inside_is_the_inner_team_s_affair() -> None:
    """Its own limits hold for its calls, not the outer agent's patience with one provider."""
    slow = Actor([answer("9.9", delay=100.0), final("9.9")])
    panel = Team([Agent("dora", slow)], Policy(idle_timeout_s=200.0))
    done = played(Team([Agent("panel", panel), Agent("carol", acts("9.11"))]))
    assert done.result.answers["panel"] == "9.9"
    assert done.result.failures == {}


def test_tools_of_a_team_s_agent_are_used() -> None:
    """The presenter may call the outer agent's tools, and is told what they gave."""

    def multiply(a: int, b: int) -> int:
        """Multiply two numbers."""
        return a * b

    dora = Actor([answer("x"), calls(("multiply", {"a": 6, "b": 7})), answer("42"), answer("42")])
    panel = Team([Agent("dora", dora)], name="inner")
    done = played(Team([Agent("panel", panel, tools=[multiply])]))
    assert done.result.answer == "42"
    assert "Your team used a tool of its own, which gave:\n\n<multiply " in dora.heard[2].text


def test_statuses_come_from_the_depths() -> None:
    """Three levels down, who did what is still told."""
    middle = Team([Agent("deep", inner("9.9", "9.90"))], name="middle")
    told = {e.status for e in played(Team([Agent("panel", middle)])).of(AgentStatus, "panel")}
    assert "deep: inner_1: new_answer" in told


def test_a_node_that_breaks_is_named() -> None:
    """Of a person's own node, the error tells which one it was, also inside an agent."""

    async def critic(state: Any) -> dict[str, Any]:
        raise ValueError("no archive")

    def graph(members: Any, policy: Any) -> Any:
        made = coordination(members, policy, name="criticized")
        return made.insert("critic", critic, between=("ask", "open_round"))

    team = Team([Agent("dora", acts("1"))], graph=graph)
    with pytest.raises(RunError, match=r"^The run broke at 'critic': ValueError: no archive$"):
        played(team)
    result = played(Team([Agent("panel", team), Agent("carol", acts("2"))])).result
    assert result.failures["panel"].message == (
        "The graph 'criticized' broke at 'critic': ValueError: no archive"
    )


@pytest.mark.parametrize(("error", "kind"), [("auth", "auth"), ("rate_limit", "refused")])
def test_why_an_inner_team_has_no_answer(error: str, kind: str) -> None:
    """A cause that all share is the outer agent's; nobody asks the team a second time."""
    dora = Actor([{"error": error}])
    result = played(Team([Agent("panel", Team([Agent("dora", dora)])), Agent("c", acts("1"))]))
    assert result.result.failures["panel"].kind == kind
    assert len(dora.heard) == (1 if error == "auth" else 3)


@pytest.mark.soak
def test_a_deep_team_in_a_small_one() -> None:
    """How many steps an outer run may take is no limit of the inner one."""
    layers = 80
    proposer = Actor([answer(f"try {n}") for n in range(layers + 1)])
    merger = Actor([final("merged"), answer("merged", when="no_answers"), vote(when="answers")])
    deep = Team([Agent("a", proposer), Agent("b", merger)], graph=partial(mixture, layers=layers))
    assert played(Team([Agent("panel", deep), Agent("c", acts("1"))])).result.answer == "merged"


def test_what_is_no_graph_is_refused() -> None:
    """It is told what a graph backend takes."""
    with pytest.raises(UserError, match="takes a compiled graph, not a Team: compile it"):
        GraphBackend(inner("1"))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="takes a compiled graph, not a StateGraph"):
        Team.from_graph(StateGraph(MessagesState))  # type: ignore[arg-type]
    agents = [Agent("a", StateGraph(MessagesState)), Agent("b", acts("1"))]  # type: ignore[arg-type]
    with pytest.raises(UserError, match="Agent 'a': the graph can't be compiled: Graph must have"):
        Team(agents).compile()


def test_a_graph_s_own_checkpointer_is_kept() -> None:
    """A compiled graph that keeps threads goes on doing so in a team."""
    team = Team.from_graph(inner("9.9", "9.90").compile(InMemorySaver()))

    async def scenario() -> list[str | None]:
        return [(await play_team(team, q, thread_id="t")).result.answer for q in ("1?", "2?")]

    assert run_virtual(scenario()) == ["9.9", "9.9"]


def test_a_voice_s_call_is_closed() -> None:
    """What stops the outer agent closes the stream of whoever speaks for it, at once."""

    async def scenario() -> bool:
        voice = Actor([{"hang": True}])
        run = Team([Agent("echo", GraphBackend(plain(), voice=voice)), Agent("c", acts("1"))])
        going = run.start("?")
        await voice.asked.wait()
        going.cancel_agent("echo")
        await asyncio.sleep(0.01)
        closed = voice.heard[0].stopped
        await going.result()
        return closed

    assert run_virtual(scenario())


def test_money_is_limited_through_a_team() -> None:
    """What an inner team costs can be told when all its calls have a price."""

    class Priced(Actor):
        dollars: float | None = 0.001

        def calculate_cost(self, usage: Any) -> float | None:
            return self.dollars

        def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
            return self.dollars

    priced = Priced([answer("1", when="no_answers"), vote(when="answers"), final("1")])
    inside = Team([Agent("dora", priced), Agent("emil", priced)])
    team = Team([Agent("panel", inside)], Policy(max_cost_usd=1.0))
    assert GraphBackend(inside.compile()).estimate_cost(1, 1) == pytest.approx(0.002)
    assert played(team).result.cost == pytest.approx(0.005)
    priced.dollars = None
    with pytest.raises(UserError, match=r"not known of panel \(graph:team\)"):
        played(Team([Agent("panel", inside)], Policy(max_cost_usd=1.0)))
