"""`final: synthesize`: one agent merges all answers into the final one."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from massgraph import Agent, Policy, Team, UserError
from massgraph.backends.scripted import ScriptedBackend
from massgraph.nodes.ask import ask
from massgraph.nodes.events import FinalText, PresentingEnded, PresentingStarted
from massgraph.nodes.live import Desk, LiveRun
from massgraph.nodes.member import Member
from massgraph.nodes.present_final import Mode, present_final
from massgraph.nodes.state import Answer, Question, TeamState

from ..vloop import run_virtual
from .stage import Actor, Played, Script, answer, final, play, vote

SYNTHESIZE = {"final": "synthesize", "presenter": "bob"}
ALICE: Script = [answer("Alice says 9.9."), vote("agent1", "Clear."), final("By the winner.")]
BOB: Script = [answer("Bob says 9.90."), vote("agent1", "Short."), final("Merged.")]


def merged(policy: dict[str, Any], bob: Script = BOB) -> Played:
    """Play a run that alice wins."""
    return play(policy, alice=ALICE, bob=bob)


def test_a_named_agent_merges_all_answers() -> None:
    """It is told all answers, the votes, the reasons and the winner, with real names."""
    played = merged(SYNTHESIZE)
    result = played.result
    assert (result.answer, result.presented, result.winner) == ("Merged.", "synthesize", "alice")
    assert {event.agent for event in played.of(FinalText)} == {"bob"}
    call = played.heard["bob"][-1]
    assert call.tools == []
    assert "Merge" in call.messages[0].text or "merge" in call.messages[0].text
    told = call.messages[-1].text
    for said in ("Alice says 9.9.", "Bob says 9.90.", "Clear.", "vote of bob for alice"):
        assert said in told
    assert told.endswith("The winner is alice. Write the final answer now.")
    assert "agent1" not in told


def test_its_call_is_booked_on_the_presenter() -> None:
    """Three calls of its own, and two of the winner, who writes nothing."""
    result = merged(SYNTHESIZE).result
    assert (result.usage["alice"].calls, result.usage["bob"].calls) == (2, 3)


def test_without_a_presenter_the_winner_merges() -> None:
    """It is the one whose answer the team likes best."""
    played = merged({"final": "synthesize"})
    result = played.result
    assert (result.answer, result.presented) == ("By the winner.", "synthesize")
    assert played.heard["alice"][-1].text.endswith(
        "The winner is alice: you. Write the final answer now."
    )


def test_when_the_presenter_fails_the_winners_answer_is_presented() -> None:
    """The failure is the presenter's."""
    played = merged(SYNTHESIZE, [*BOB[:2], final("", error="auth")])
    result = played.result
    assert (result.answer, result.presented) == ("Alice says 9.9.", "fallback")
    assert {agent: failure.kind for agent, failure in result.failures.items()} == {"bob": "auth"}
    assert [event.agent for event in played.of(PresentingEnded)] == ["bob"]


def test_the_winners_answer_need_not_be_the_first() -> None:
    """Whoever presents, and however it is registered."""
    result = play(
        {"final": "synthesize", "presenter": "alice"},
        alice=[answer("A."), vote("agent2"), final("", error="auth")],
        bob=[answer("B."), vote("agent2")],
    ).result
    assert (result.answer, result.winner, result.presented) == ("B.", "bob", "fallback")


def test_a_presenter_that_has_failed_sits_out() -> None:
    """Nobody is called, and its failure stays what it was."""
    bob: Script = [answer("Bob says 9.90."), {"error": "auth", "when": "answers"}, final("Never.")]
    played = merged(SYNTHESIZE, bob)
    result = played.result
    assert (result.answer, result.presented) == ("Alice says 9.9.", "fallback")
    assert (result.failures["bob"].kind, result.failures["bob"].round) == ("auth", 2)
    assert played.of(PresentingStarted) == []


def test_one_agent_alone_has_nothing_to_merge() -> None:
    """Its answer stands, without a call."""
    result = play({"final": "synthesize"}, alice=[answer("A."), final("Never played.")]).result
    assert (result.answer, result.presented) == ("A.", "reuse")


@pytest.mark.parametrize("how", ["present", "reuse"])
def test_a_presenter_without_anything_to_merge_is_refused(how: str) -> None:
    """A key that would do nothing is a mistake, and it is told before anything is built."""
    policy = Policy(final=how, presenter="alice")
    said = f"^Policy: a presenter goes with final: synthesize, not with final: {how}.$"
    with pytest.raises(UserError, match=said):
        Team([Agent("alice", ScriptedBackend(ALICE))], policy)
    with pytest.raises(UserError, match=said):
        present_final({"alice": Member("alice", ScriptedBackend(ALICE))}, policy, Desk())


def test_a_presenter_is_one_of_the_team() -> None:
    """Anybody else is refused by name."""
    with pytest.raises(UserError, match=r"^presenter names 'carol', who is not in the team"):
        Team(
            [Agent("alice", ScriptedBackend(ALICE))],
            Policy(final="synthesize", presenter="carol"),
        )
    with pytest.raises(UserError, match="'carol', who is not in the team"):
        present_final({}, Policy(), Desk(), final="synthesize", presenter="carol")


def presented_by(
    final_: Mode | None, presenter: str | None, script: Script
) -> tuple[dict[str, Any], Actor]:
    """Run a graph of one's own that ends right away: two answers, and a presenter without one."""
    actor = Actor(script)
    members = {
        name: Member(name, actor if name == "carol" else ScriptedBackend(ALICE))
        for name in ("alice", "bob", "carol")
    }
    policy, desk = Policy(), Desk()

    async def answered(state: TeamState) -> dict[str, Any]:
        texts = {"bob": "B.", "alice": "A."}
        answers = {agent: Answer(agent=agent, text=t, epoch=1) for agent, t in texts.items()}
        return {"answers": answers, "winner": "carol", "settled_by": "single"}

    graph = StateGraph(TeamState, context_schema=LiveRun, input_schema=Question)
    graph.add_node("ask", ask(list(members.values()), policy, desk, "own"))
    graph.add_node("answered", answered)
    graph.add_node(
        "aggregate", present_final(members, policy, desk, final=final_, presenter=presenter)
    )
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "answered")
    graph.add_edge("answered", "aggregate")
    graph.add_edge("aggregate", END)
    end = run_virtual(graph.compile().ainvoke({"messages": [("user", "Which?")]}))
    return dict(end), actor


def test_a_graph_may_name_a_presenter_without_an_answer() -> None:
    """An aggregator sees all answers, and nobody is told to have won."""
    end, actor = presented_by("synthesize", "carol", [final("Merged.")])
    assert (end["answer"], end["presented"], end["outcome"]) == ("Merged.", "synthesize", "settled")
    assert end["messages"][-1].name == "carol"
    assert end["usage"]["carol"]["calls"] == 1
    told = actor.heard[0].messages[-1].text
    assert "A." in told
    assert "B." in told
    assert "winner" not in told


def test_an_aggregator_that_fails_leaves_the_answer_registered_first() -> None:
    """It has none of its own."""
    end, _ = presented_by("synthesize", "carol", [final("", error="auth")])
    assert (end["answer"], end["presented"]) == ("A.", "fallback")
    assert end["messages"][-1].name == "alice"
    assert set(end["failures"]) == {"carol"}


def test_a_graphs_mode_holds_for_one_agent_alone_too() -> None:
    """Without it, what is settled by one agent alone is presented as it stands."""
    end, actor = presented_by(None, None, [final("Never played.")])
    assert (end["answer"], end["presented"], actor.heard) == ("A.", "reuse", [])
    end, actor = presented_by("present", None, [final("Written.")])
    assert (end["answer"], end["presented"], len(actor.heard)) == ("Written.", "present", 1)
