"""Budgets: calls, tokens and money that a run, or an agent, may use; reaching one ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver

from massgraph import Agent, Budget, LLMBackend, Policy, StreamChunk, Team, UserError
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import UsageChunk
from massgraph.backends.usage import TokenUsage
from massgraph.nodes.budget import OWN_BUDGET, RUN_BUDGET
from massgraph.nodes.events import BudgetReached, RoundOpened, TurnEnded
from massgraph.nodes.live import LiveRun

from ..vloop import run_virtual
from .stage import (
    Actor,
    Improvised,
    Played,
    Script,
    answer,
    calls,
    drafts,
    final,
    play,
    vote,
    votes,
)

VOTERS: dict[str, Script] = {
    name: [answer(f"{name}."), vote("agent1"), vote("agent1"), final("Done.")]
    for name in ("a", "b", "c", "d", "e")
}


def reached(played: Played) -> list[tuple[str, str | None]]:
    """Return which limits were reached, and whose."""
    return [(event.which, event.agent) for event in played.of(BudgetReached)]


def calls_of(played: Played) -> dict[str, int]:
    """Return how many calls each backend was really asked for."""
    return {agent: len(heard) for agent, heard in played.heard.items()}


def test_exactly_as_many_calls_go_out() -> None:
    """Of five agents that begin at once, the first three in the order of asking get the calls."""
    played = play({"max_calls": 3}, **VOTERS)
    assert calls_of(played) == {"a": 1, "b": 1, "c": 1, "d": 0, "e": 0}
    assert played.result.total.calls == 3
    assert reached(played) == [("max_calls", None)]
    abstained = [e.why for e in played.of(TurnEnded) if e.outcome == "abstained"]
    assert set(abstained) == {RUN_BUDGET}
    assert set(played.result.answers) == {"a", "b", "c"}
    assert (played.result.outcome, played.result.settled_by) == ("settled", "budget")
    assert (played.result.presented, played.result.answer) == ("fallback", "a.")
    assert played.result.rounds == 1
    assert not played.result.failures


@pytest.mark.parametrize("most", range(1, 8))
def test_a_run_settles_on_what_it_has(most: int) -> None:
    """Whatever the budget, the run ends, and no call more than it allows goes out."""
    scripts = {name: VOTERS[name] for name in ("a", "b", "c")}
    played = play({"max_calls": most}, **scripts)
    assert played.result.total.calls == min(most, 7)
    assert played.result.outcome == "settled"
    assert played.result.settled_by == ("budget" if most < 6 else "consensus")
    assert played.result.presented == ("present" if most == 7 else "fallback")
    assert reached(played) == ([] if most == 7 else [("max_calls", None)])


def test_retries_are_no_calls() -> None:
    """Extra requests are counted as such."""
    played = play(
        {"max_calls": 1, "attempts": 3, "final": "reuse"},
        alice=[{"error": "overloaded"}, {"error": "overloaded"}, answer("A.")],
    )
    assert played.result.answer == "A."
    assert (played.result.total.calls, played.result.total.retries) == (1, 2)


def test_nobody_has_an_answer() -> None:
    """A budget that allows no answer ends in `no_answer`."""
    played = play({"max_tokens": 1}, alice=[answer("A.")], bob=[answer("B.")])
    assert (played.result.outcome, played.result.total.calls) == ("no_answer", 0)
    assert reached(played) == [("max_tokens", None)]
    assert len(played.of(RoundOpened)) == 1


def test_an_agents_own_budget() -> None:
    """That agent abstains and is not asked again; the others go on without it."""
    played = play(
        more={"alice": {"budget": {"max_calls": 1}}},
        alice=[answer("A.")],
        bob=[answer("B."), vote("agent1"), answer("B, better."), vote("agent1")],
        carol=[answer("C."), answer("C, better."), vote("agent2"), vote("agent1")],
    )
    assert calls_of(played)["alice"] == 1
    assert reached(played) == [("max_calls", "alice")]
    ends = played.of(TurnEnded, "alice")
    assert [(e.outcome, e.why) for e in ends] == [("new_answer", ""), ("abstained", OWN_BUDGET)]
    asked = [event.asked for event in played.of(RoundOpened)]
    assert asked[:2] == [["alice", "bob", "carol"]] * 2
    assert len(asked) > 2
    assert all("alice" not in names for names in asked[2:])
    assert (played.result.outcome, played.result.failures) == ("settled", {})
    assert played.result.settled_by in ("consensus", "rule", "tie_break")


def test_all_own_budgets_are_used_up() -> None:
    """With nobody left to ask there is no empty round: the run settles at once."""
    mine = {"budget": Budget(max_calls=1)}
    played = play(
        {"max_unfinished_rounds": 3, "max_debate_rounds": 3},
        more={"alice": mine, "bob": mine},
        alice=[answer("A.")],
        bob=[answer("B.")],
    )
    assert (played.result.settled_by, played.result.presented) == ("budget", "fallback")
    assert len(played.of(RoundOpened)) == 2
    assert sorted(reached(played)) == [("max_calls", "alice"), ("max_calls", "bob")]


def test_a_budget_within_a_turn() -> None:
    """Each call of a turn is one: after its tools an agent may have none left."""

    async def look(x: int) -> str:
        """Look."""
        return "found"

    played = play(
        {"max_calls": 2, "final": "reuse"},
        more={"alice": {"tools": [look]}},
        alice=[calls(("look", {"x": 1})), calls(("look", {"x": 2})), answer("A.")],
    )
    assert calls_of(played) == {"alice": 2}
    assert played.result.outcome == "no_answer"


class Priced(Actor):
    """An actor each of whose calls costs a dollar, as long as it is told."""

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        return 1.0

    def calculate_cost(self, usage: TokenUsage) -> float | None:
        return 1.0 if usage.output_tokens else None


class Billed(Priced):
    """The same, with usage reported."""

    async def _billed(self, chunks: AsyncIterator[StreamChunk]) -> AsyncIterator[StreamChunk]:
        yield UsageChunk(TokenUsage(10, 5))
        async for chunk in chunks:
            yield chunk

    def perform(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        return self._billed(super().perform(messages, tools, **params))


@pytest.mark.parametrize("actor", [Priced, Billed])
def test_money(actor: type[Actor]) -> None:
    """Money is reserved by the price that is expected, and counted by the one that is told."""
    team: dict[str, LLMBackend] = {name: actor(VOTERS[name]) for name in ("a", "b", "c")}
    played = play({"max_cost_usd": 4.5}, **team)
    assert played.result.total.calls == 4
    assert reached(played) == [("max_cost_usd", None)]
    assert played.result.settled_by == "budget"


class Unpriced(Actor):
    """An actor whose price nobody knows."""

    def estimate_cost(self, input_tokens: int, output_tokens: int) -> float | None:
        return None


def test_a_price_that_is_not_known_is_told_before_the_first_call() -> None:
    """Money cannot be limited then: of the run, or of that agent."""
    for more, policy in (({}, {"max_cost_usd": 1.0}), ({"budget": {"max_cost_usd": 1.0}}, {})):
        unpriced = Unpriced([answer("A.")])
        team = Team([Agent("alice", unpriced, **more)], Policy(**policy))
        with pytest.raises(UserError, match=r"the price is not known of alice \(scripted:script\)"):
            team.run("q?")
        assert not unpriced.heard
    others = Team([Agent("alice", Unpriced([answer("A.")])), Agent("bob", Actor([answer("B.")]))])
    others.compile()


def test_a_stopped_call_that_told_nothing_counts_its_input() -> None:
    """What was sent was read, also where the answer was cut before its usage came."""

    async def act(number: int, tools: set[str]) -> AsyncIterator[StreamChunk]:
        if number == 2:
            await asyncio.sleep(1e6)
        async for chunk in drafts("B.") if number == 1 else votes():
            yield chunk

    played = play(
        {"max_tokens": 100_000, "final": "reuse"},
        question="x" * 200_000,
        alice=[answer("A.")],
        bob=Improvised(act),
    )
    assert reached(played) == [("max_tokens", None)]
    assert played.result.settled_by == "budget"
    assert played.result.outcome == "settled"


def test_what_was_spent_survives_a_break() -> None:
    """A run that is resumed by a new graph counts the calls of the rounds before."""

    async def run() -> tuple[dict[str, Any], int]:
        saver, config = InMemorySaver(), {"configurable": {"thread_id": "t"}}
        scripts = {name: Actor(VOTERS[name]) for name in ("a", "b")}
        policy = Policy(max_calls=3, final="reuse")
        team = Team([Agent(name, part) for name, part in scripts.items()], policy)
        graph = team.compile(saver)
        question: Any = {"messages": [("human", "q?")]}
        before: Any = config
        await graph.ainvoke(question, before, context=LiveRun(), interrupt_before=["restart"])
        again = Team([Agent(name, part) for name, part in scripts.items()], policy)
        state = await again.compile(saver).ainvoke(None, before, context=LiveRun(run_attempt=2))
        return state, sum(len(part.heard) for part in scripts.values())

    state, asked = run_virtual(run())
    assert (asked, state["limit"], state["settled_by"]) == (3, "budget", "budget")


def test_a_config_says_budgets() -> None:
    """An agent takes a mapping, and refuses one that is no budget by its own name."""
    assert Agent("alice", "local", budget={"max_calls": 3}) == Agent(
        "alice", "local", budget={"max_calls": 3}
    )
    with pytest.raises(UserError, match=r"Agent 'alice': budget: max_call: unknown key"):
        Agent("alice", "local", budget={"max_call": 3})
