"""A graph file for LangGraph's own tools: langgraph.json names the graph in it."""

from __future__ import annotations

from massgraph import Team

graph = Team.from_config("local").compile()

if __name__ == "__main__":
    import asyncio

    end = asyncio.run(graph.ainvoke({"messages": [("human", "What is the capital of France?")]}))
    print(end["answer"])
