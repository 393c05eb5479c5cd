"""Teams as agents: they answer, vote and present like anybody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from massgraph import Agent, Policy, Team, UserError
from massgraph.compose import GraphBackend, TeamState, coordination
from massgraph.graphs.gates import gates
from massgraph.graphs.shape import shape
from massgraph.nodes.events import AgentStatus, FinalText, TurnEnded

from ..protocol.stage import Actor, Played, answer, final, play_team, vote
from ..vloop import run_virtual


def acts(text: str, label: str = "first") -> Actor:
    """Return an actor of an inner team: it drafts, votes, and speaks for its team."""
    return Actor([answer(text, when="no_answers"), vote(label, when="answers"), final(text)])


def inner(*texts: str, name: str = "inner") -> Team:
    agents = [Agent(f"{name}_{n}", acts(text)) for n, text in enumerate(texts, 1)]
    return Team(agents, name=name)


def played(team: Team) -> Played:
    return run_virtual(play_team(team))


def test_a_team_answers_votes_and_presents() -> None:
    """Whoever wins among the inner agents acts for all of them."""
    outer = Team([Agent("panel", inner("9.9", "9.90")), Agent("carol", acts("9.11"))])
    done = played(outer)
    assert done.outcomes("panel") == ["new_answer", "vote"]
    assert done.result.answers == {"panel": "9.9", "carol": "9.11"}
    assert (done.result.answer, done.result.winner) == ("9.9", "panel")
    assert "".join(event.delta for event in done.of(FinalText)) == "9.9"


def test_inner_agents_are_asked_the_question_alone() -> None:
    """They are told of the larger team, and its tools are not theirs."""
    first = acts("9.9")
    outer = Team([Agent("panel", Team([Agent("dora", first)])), Agent("carol", acts("9.11"))])
    played(outer)
    draft = first.heard[0]
    assert draft.names == {"new_answer"}
    assert "Which is larger, 9.11 or 9.9?" in draft.text
    assert "Your team is one member of a larger team" in draft.text
    acting = first.heard[1]
    assert acting.names == {"new_answer"}
    assert "You speak for your team" in acting.text


def test_the_presenter_may_vote_for_what_its_team_sees() -> None:
    """The outer labels are offered to the presenter of the inner team, and to nobody else in it."""
    outer = Team([Agent("panel", inner("a", "b")), Agent("carol", acts("c"))])
    done = played(outer)
    members = outer.agents[0].backend.agents  # type: ignore[union-attr]
    speaker, other = (agent.backend for agent in members)
    assert isinstance(speaker, Actor)
    assert isinstance(other, Actor)
    assert ["agent1", "agent2"] in [call.targets for call in speaker.heard]
    assert [v.voter for v in done.result.votes] == ["panel", "carol"]


def test_what_an_inner_team_used_counts() -> None:
    """Tokens of all inner calls are the outer agent's."""
    one = inner("9.9", "9.90")
    alone = played(inner("9.9", "9.90")).result.total
    used = played(Team([Agent("panel", one)])).result.usage["panel"]
    assert used.input_tokens > alone.input_tokens - 200
    assert used.output_tokens > 0
    assert used.calls == 1


def test_it_tells_what_it_does() -> None:
    """A long inner run is no silence: it says who did what."""
    done = played(Team([Agent("panel", inner("9.9", "9.90")), Agent("carol", acts("9.11"))]))
    told = [event.status for event in done.of(AgentStatus, "panel")]
    assert "inner_1: new_answer" in told
    assert "winner: inner_1" in told


def test_two_levels_deep() -> None:
    """A team in a team in a team answers, and is drawn with all its boxes."""
    middle = Team([Agent("deep", inner("9.9", "9.90")), Agent("dave", acts("9"))], name="middle")
    outer = Team([Agent("panel", middle), Agent("carol", acts("9.11"))])
    assert played(outer).result.answer == "9.9"
    boxes = str(shape(outer.drawn()))
    for name in ("panel:think:deep:think:inner_1:think", "panel:think:dave:think", "carol:think"):
        assert f"'{name}'" in boxes


def test_cancelling_reaches_the_innermost_call() -> None:
    """The provider's stream two levels down is closed before the run has ended."""

    async def scenario() -> tuple[Any, Actor, float]:
        hangs = Actor([{"hang": True}])
        deep = Team([Agent("deepest", hangs)], name="deep")
        middle = Team([Agent("deep", deep)], name="middle")
        run = Team([Agent("panel", middle), Agent("carol", acts("9.11"))]).start("What?")
        await hangs.asked.wait()
        loop = asyncio.get_running_loop()
        asked = loop.time()
        run.cancel()
        result = await run.result()
        assert len(asyncio.all_tasks()) == 1
        return result, hangs, loop.time() - asked

    result, hangs, seconds = run_virtual(scenario())
    assert result.outcome == "cancelled"
    assert hangs.heard[0].stopped
    assert seconds < 0.1


def test_a_released_team_stops() -> None:
    """A peer's new answer ends an inner run whose vote would be worthless."""
    slow = Actor([answer("a", when="no_answers"), {"hang": True, "when": "answers"}])
    panel = Team([Agent("dora", slow)], Policy(single="answer"))
    carol = Actor([answer("c"), answer("better", delay=5.0), vote()])
    done = played(
        Team([Agent("panel", panel), Agent("carol", carol)], Policy(on_new_answer="cancel"))
    )
    assert "interrupted" in done.outcomes("panel")
    assert done.of(TurnEnded, "panel")[1].usage["stopped"] == 1


def test_an_inner_team_without_an_answer_fails() -> None:
    """The outer agent fails with the reasons of the inner ones, and the others go on."""
    dead = Team([Agent("dora", Actor([{"error": "auth"}]))])
    result = played(Team([Agent("panel", dead), Agent("carol", acts("9.11"))])).result
    assert result.answer == "9.11"
    assert "dora: Scripted error: auth." in result.failures["panel"].message


def test_a_presenter_that_fails_still_answers() -> None:
    """The inner winner's stored answer is then the outer agent's."""
    dies = Actor([answer("9.9"), {"error": "auth"}])
    result = played(
        Team([Agent("panel", Team([Agent("dora", dies)])), Agent("carol", acts("9.11"))])
    ).result
    assert result.answers["panel"] == "9.9"


def test_threads_of_an_outer_team_hold_inner_runs() -> None:
    """With a checkpointer, a second question finds the first, and inner runs begin afresh."""

    async def scenario() -> list[str | None]:
        outer = Team(
            [Agent("panel", inner("9.9", "9.90")), Agent("carol", acts("9.11"))],
            checkpointer=InMemorySaver(),
        )
        return [(await outer.arun(q, thread_id="t")).answer for q in ("One?", "Two?")]

    assert run_virtual(scenario()) == ["9.9", "9.9"]


async def gate(state: TeamState) -> dict[str, Any]:
    interrupt("May it go on?")
    return {}


def gated(members: Any, policy: Any) -> Any:
    made = coordination(members, policy, name="gated")
    return made.insert("gate", gate, between=("select_winner", "present_final"))


def test_a_gate_inside_is_refused() -> None:
    """A person can't be asked in the middle of an agent's turn."""
    team = Team([Agent("dora", acts("9.9"))], graph=gated)
    with pytest.raises(
        UserError, match="Agent 'panel': The graph 'gated' waits for a person at gate"
    ):
        Agent("panel", team.compile())
    with pytest.raises(UserError, match="waits for a person at gate"):
        Team([Agent("panel", team)]).compile()


def test_a_gate_is_seen_before_the_first_call() -> None:
    """A run that would stop at a gate is refused before anybody was paid."""
    dora = acts("9.9")
    with pytest.raises(UserError, match="'gated' waits for a person at gate: run it as a plain"):
        Team([Agent("dora", dora)], graph=gated).run("What?")
    assert dora.heard == []


def test_gates_are_found_where_graphs_stop() -> None:
    """So are graphs that were compiled to stop at a node."""
    team = Team([Agent("dora", acts("9.9"))])
    assert gates(team.compile()) == []
    stops = coordination([agent.member() for agent in team.agents], Policy())
    assert gates(stops.compile(interrupt_before=["present_final"])) == ["present_final"]


async def echo(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"heard: {state['messages'][-1].text[:5]}")]}


def plain() -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("echo", echo)
    builder.add_edge(START, "echo")
    builder.add_edge("echo", END)
    return builder.compile(name="echo")


def test_any_graph_is_an_agent_with_a_voice() -> None:
    """A graph that is no team's works, and a backend acts on what it has come to."""
    voice = acts("Said by the voice.")
    outer = Team([Agent("echo", GraphBackend(plain(), voice=voice)), Agent("carol", acts("c"))])
    done = played(outer)
    assert done.result.answers["echo"] == "Said by the voice."
    assert "heard: Which" in voice.heard[0].text


def test_a_graph_without_a_voice_is_refused() -> None:
    """A graph that is no team's can't vote by itself."""
    with pytest.raises(UserError, match="The graph 'echo' is no team's, so it can't vote"):
        Agent("echo", plain())


def test_any_graph_runs_alone() -> None:
    """A graph as it is has a result, events and limits like a team."""
    done = played(Team.from_graph(plain()))
    assert (done.result.answer, done.result.winner) == (
        "heard: Which",
        "echo",
    )


def test_a_team_s_graph_runs_as_it_is() -> None:
    """A compiled graph of a team goes back into a team, with its agents and its policy."""
    graph = inner("9.9", "9.90").compile()
    team = Team.from_graph(graph)
    assert [agent.id for agent in team.agents] == ["inner_1", "inner_2"]
    assert team.name == "inner"
    assert played(team).result.answer == "9.9"
