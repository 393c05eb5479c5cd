"""What tests put into stores."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from massgraph.backends.chunks import ContentChunk, DoneChunk
from massgraph.backends.reply import Said, StoredReply
from massgraph.nodes.journal import CallKey
from massgraph.store import Store


def key(number: int, thread_id: str = "t") -> CallKey:
    """Return a call of an agent."""
    return CallKey(thread_id, f"ask:{number}|alice:7", 1)


def reply(text: str) -> StoredReply:
    """Return a reply that says a text."""
    return StoredReply((Said(0.25, ContentChunk(text)), Said(0.5, DoneChunk("stop"))), retries=1)


class State(TypedDict):
    """Messages."""

    messages: Annotated[list[AnyMessage], add_messages]


def graph(store: Store, names: tuple[str, ...] = ("a", "b")) -> Any:
    """Return a graph of parallel subgraphs, each with a node that answers."""

    def answer(state: State) -> State:
        return {"messages": [AIMessage(f"answer {len(state['messages'])}")]}

    child = StateGraph(State).add_node("say", answer).add_edge(START, "say").compile()
    made = StateGraph(State)
    for name in names:
        made.add_node(name, child)
        made.add_edge(START, name)
    made.add_node("last", answer)
    made.add_edge(list(names), "last")
    made.add_edge("last", END)
    return made.compile(checkpointer=store.saver)


def place(thread_id: str = "t") -> Any:
    """Return a thread as LangGraph is told of it."""
    return {"configurable": {"thread_id": thread_id}}


async def fill(store: Store, thread_id: str = "t", replies: int = 3) -> None:
    """Ask a question on a thread, with checkpoints and replies."""
    assert store.index is not None
    assert store.journal is not None
    await store.index.begin(thread_id, "Why?", '{"agents": 2}')
    for number in range(replies):
        await store.journal.store(key(number, thread_id), "alice", reply(f"text {number}"))
    await graph(store).ainvoke(
        {"messages": [("user", "Why?")]}, place(thread_id), durability="sync"
    )
    await store.index.finish(thread_id, "settled", {"answer": "So."})


async def seen(store: Store, thread_id: str = "t", replies: int = 3) -> list[Any]:
    """Read everything that is known of a thread."""
    assert store.index is not None
    assert store.journal is not None
    found: list[Any] = [await store.journal.find(key(n, thread_id)) for n in range(replies + 1)]
    found.append(await store.index.get(thread_id))
    found.append(await store.index.ls())
    newest = await store.saver.aget_tuple(place(thread_id))
    found.append(newest)
    found.append([one async for one in store.saver.alist(place(thread_id))])
    return found


def leftovers() -> set[asyncio.Task[Any]]:
    """Return the running loop's other tasks."""
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
