"""A team is a plain LangGraph graph: here it is one step of a larger one."""

from __future__ import annotations

from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from massgraph import Agent, ScriptedBackend, Team

script = [{"new_answer": "Blue.", "when": "no_answers"}, {"vote": "first", "when": "answers"}]
team = Team([Agent(name, ScriptedBackend(script)) for name in ("alice", "bob")]).compile()


class State(TypedDict, total=False):
    """What the larger graph works on."""

    topic: str
    verdict: str


async def consult(state: State) -> State:
    """Ask the team."""
    end = await team.ainvoke({"messages": [("human", f"Which colour has {state['topic']}?")]})
    return {"verdict": end["answer"]}


graph = StateGraph(State)
graph.add_node("consult", consult)
graph.add_edge(START, "consult")
graph.add_edge("consult", END)

if __name__ == "__main__":
    import asyncio

    print(asyncio.run(graph.compile().ainvoke({"topic": "the sky"}))["verdict"])
