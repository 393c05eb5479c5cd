"""The state is small and plain, and the graph is an ordinary one of LangGraph."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from massgraph import Agent, Event, Policy, Result, Team, UserError
from massgraph.nodes.events import AgentText, RunFinished
from massgraph.nodes.record import fold_events

from ..vloop import run_virtual
from .stage import QUESTION, Actor, answer, calls, check, final, vote


def double(number: int) -> str:
    """Double a number."""
    return str(2 * number)


def busy_team(**options: Any) -> Team:
    """Return a team in whose runs much happens: tools, reminders, refusals, restarts."""
    alice = Actor(
        [
            calls(("double", {"number": 4}), when="no_answers"),
            answer("A.", when="no_answers"),
            answer("A.", when="answers"),
            answer("A, better.", when="answers"),
            vote("agent1", "Mine.", when="answers"),
            final("The final answer."),
        ]
    )
    bob = Actor(
        [
            {"text": "Let me see.", "when": "no_answers"},
            answer("B.", when="no_answers"),
            vote("last", "Mine.", when="answers"),
            vote("first", "Better.", when="answers"),
        ]
    )
    return Team([Agent("alice", alice, tools=[double]), Agent("bob", bob)], **options)


def asked(question: str = QUESTION) -> dict[str, Any]:
    """Return the input of a plain graph."""
    return {"messages": [HumanMessage(question)]}


def test_a_plain_graph_runs_without_a_context() -> None:
    """`compile().ainvoke({"messages": [...]})` is all it takes."""
    state = run_virtual(busy_team().compile().ainvoke(asked()))
    assert state["answer"] == "The final answer."
    assert state["outcome"] == "settled"
    assert state["winner"] == "alice"
    assert [m.type for m in state["messages"]] == ["human", "ai"]
    assert state["messages"][-1].text == "The final answer."


def test_a_plain_graph_tells_its_events() -> None:
    """With `stream_mode="custom", subgraphs=True` they come numbered without a gap, and folding
    them gives the result."""

    async def listen() -> list[Event]:
        graph = busy_team().compile()
        stream = graph.astream(asked(), stream_mode="custom", subgraphs=True)
        return [event async for _, event in stream]

    events = run_virtual(listen())
    assert isinstance(events[-1], RunFinished)
    check(events, Result.from_dict(events[-1].result))
    assert any(isinstance(event, AgentText) for event in events)
    record = fold_events(events)
    assert record.result == events[-1].result
    assert record.state["answers"]["alice"]["text"] == "A, better."


def test_a_plain_graph_and_a_team_tell_the_same() -> None:
    """The same events, but for the pieces of text that a mailbox may merge."""

    def kinds(events: list[Event]) -> list[str]:
        merged: list[str] = []
        for event in events:
            if not (event.type.endswith("_text") and merged and merged[-1] == event.type):
                merged.append(event.type)
        return sorted(merged)

    async def by_graph() -> list[Event]:
        stream = busy_team().compile().astream(asked(), stream_mode="custom", subgraphs=True)
        return [event async for _, event in stream]

    async def by_team() -> list[Event]:
        return [event async for event in busy_team().astream(QUESTION)]

    assert kinds(run_virtual(by_graph())) == kinds(run_virtual(by_team()))


def test_a_plain_graph_serves_several_runs_at_once() -> None:
    """Each has its own clock, its own numbers and its own signal."""
    team = Team([Agent(name, Actor([answer("A."), vote()])) for name in ("alice", "bob")])

    async def listen(graph: Any) -> list[Event]:
        stream = graph.astream(asked(), stream_mode="custom", subgraphs=True)
        return [event async for _, event in stream]

    async def several() -> list[list[Event]]:
        graph = team.compile()
        return await asyncio.gather(*(listen(graph) for _ in range(3)))

    for events in run_virtual(several()):
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


def test_a_plain_graph_follows_up() -> None:
    """On a thread of LangGraph's, like any other graph."""

    async def ask_twice() -> dict[str, Any]:
        actor = Actor([answer("A.")])
        graph = Team([Agent("alice", actor)]).compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "t"}}
        await graph.ainvoke(asked("First?"), config)
        return await graph.ainvoke(asked("Second?"), config)

    state = run_virtual(ask_twice())
    assert [m.text for m in state["messages"]] == ["First?", "A.", "Second?", "A."]
    assert (state["round"], state["epoch"]) == (4, 4)


def test_a_plain_graph_is_a_node_like_any_other() -> None:
    """It can stand in a graph of one's own, beside one's own nodes."""

    async def polish(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(state["messages"][-1].text.upper())]}

    graph = StateGraph(MessagesState)
    graph.add_node("team", busy_team().compile())
    graph.add_node("polish", polish)

    graph.add_edge(START, "team")
    graph.add_edge("team", "polish")
    graph.add_edge("polish", END)
    state = run_virtual(graph.compile().ainvoke(asked()))
    assert state["messages"][-1].text == "THE FINAL ANSWER."


@pytest.mark.parametrize(
    "messages",
    [[], [AIMessage("An answer.")], [HumanMessage("Q?"), AIMessage("A.")], [HumanMessage(" \n")]],
    ids=["nothing", "an answer", "an answered question", "blanks"],
)
def test_what_is_no_question_is_refused(messages: list[Any]) -> None:
    """With an error that says so, and before anybody is called."""
    with pytest.raises(UserError, match="question"):
        run_virtual(busy_team().compile().ainvoke({"messages": messages}))


def test_a_conversation_may_come_with_the_question() -> None:
    """What stands before the last message is context for all."""
    actor = Actor([answer("A.")])
    graph = Team([Agent("alice", actor)]).compile()
    earlier = [SystemMessage("Be kind."), HumanMessage("Hello?"), AIMessage("Hello.")]
    run_virtual(graph.ainvoke({"messages": [*earlier, HumanMessage("And now?")]}))
    sent = actor.heard[0].messages
    assert [m.text for m in sent[1:4]] == ["Be kind.", "Hello?", "Hello."]
    assert sent[4].text.startswith("And now?")


def test_a_question_in_parts_keeps_its_parts() -> None:
    """An image stays an image, and the answers are shown behind it."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts: list[Any] = [{"type": "text", "text": "What is this?"}, image]
    actor = Actor([answer("A."), vote()])
    graph = Team([Agent("alice", actor)], Policy(single="coordinate", final="reuse")).compile()
    run_virtual(graph.ainvoke({"messages": [HumanMessage(parts)]}))
    content = actor.heard[1].messages[-1].content
    assert content[:2] == parts
    assert "A." in actor.heard[1].messages[-1].text


def test_the_state_is_plain() -> None:
    """Strings, numbers, lists, dicts and LangChain messages; no channel repeats the question."""
    question = "A question that is easy to find."

    async def stored() -> dict[str, Any]:
        graph = busy_team().compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "t"}}
        await graph.ainvoke(asked(question), config)
        return dict((await graph.aget_state(config)).values)

    state = run_virtual(stored())
    messages = state.pop("messages")
    assert question in messages[0].text
    written = json.dumps(state)
    assert question not in written
    assert json.loads(written) == state


async def test_checkpoints_hold_nothing_but_known_types(caplog: pytest.LogCaptureFixture) -> None:
    """Under LangGraph's strict reading a thread goes on as ever, and nothing is complained of."""
    saver = InMemorySaver()
    team = busy_team(checkpointer=saver)
    for question in ("First?", "Second?"):
        result = await team.arun(question, thread_id="t")
        assert (result.outcome, result.answer) == ("settled", "The final answer.")
    snapshots = team.compile(checkpointer=saver).aget_state_history(
        {"configurable": {"thread_id": "t"}}
    )
    messages = [
        message async for snapshot in snapshots for message in snapshot.values.get("messages", [])
    ]
    assert messages
    assert all(message.text for message in messages)
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
