"""Both chat models within a graph of LangGraph that streams its messages."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph

from massgraph import Agent, BackendChatModel, Team, TeamChatModel
from massgraph.backends.langchain import LangChainBackend
from tests.wire.reply import Request
from tests.wire.server import LoopbackServer
from tests.wire.turn import WireTurn

ANSWER = "It is blue, as far as I can see from here."


def answer(request: Request) -> WireTurn:
    """Return an answer, a vote for it, and the final words."""
    tools = {tool["function"]["name"] for tool in request.body.get("tools", ())}
    if "vote" in tools:
        return WireTurn(calls=[("vote", {"agent_id": "agent1", "reason": "So it is."})])
    return (
        WireTurn(calls=[("new_answer", {"content": "Blue."})]) if tools else WireTurn(text=ANSWER)
    )


async def streamed(model: BaseChatModel) -> list[tuple[str, str]]:
    """Return what a graph streams whose one node asks a model: who says it, and what."""

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node(ask).add_edge(START, "ask").add_edge("ask", END)
    said: list[tuple[str, str]] = []
    stream = graph.compile().astream(
        {"messages": [HumanMessage("Which colour has the sky?")]}, stream_mode="messages"
    )
    async for piece, metadata in stream:
        said.append((metadata["ls_provider"], piece.text))  # type: ignore[index, union-attr]
    return said


async def test_a_team_in_a_graph() -> None:
    """The final answer streams as the winner writes it, and nothing of how it came about."""
    with LoopbackServer(answer) as server:
        inner = ChatOpenAI(model="m", base_url=server.base_url, api_key="k")  # type: ignore[arg-type]
        model = TeamChatModel(team=Team([Agent("alice", inner), Agent("bob", inner)]))
        said = await streamed(model)
        assert {who for who, _ in said} == {"massgraph"}
        assert "".join(text for _, text in said) == ANSWER
        assert len(said) > 1  # what waits to be read is merged, so how many there are is chance
        await model.aclose()


async def test_a_langchain_model_within_ours_is_heard_once() -> None:
    """Its tokens are streamed by our model; the graph does not hear them a second time."""
    with LoopbackServer(answer) as server:
        inner = ChatOpenAI(model="m", base_url=server.base_url, api_key="k")  # type: ignore[arg-type]
        model = BackendChatModel(backend=LangChainBackend(inner))
        said = await streamed(model)
        assert {who for who, _ in said} == {"langchain"}
        assert "".join(text for _, text in said) == ANSWER
        assert len(said) > 3
        await model.aclose()
