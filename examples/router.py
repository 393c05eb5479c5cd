"""A router to two teams: a plain LangGraph graph whose nodes are teams."""

from __future__ import annotations

from typing import Literal

from langgraph.graph import END, START, MessagesState, StateGraph

from massgraph import Agent, Policy, ScriptedBackend, Team

Topic = Literal["numbers", "words"]


def team(name: str, answer: str) -> Team:
    """Return a team of two agents whose models are played by scripts."""
    script = [{"new_answer": answer, "when": "no_answers"}, {"vote": "first", "when": "answers"}]
    agents = [Agent(f"{name}_{number}", ScriptedBackend(script)) for number in (1, 2)]
    return Team(agents, Policy(final="reuse"), name=name)


async def topic(state: MessagesState) -> Topic:
    """Choose a team by the question; a model could do it as well."""
    return "numbers" if any(sign.isdigit() for sign in state["messages"][-1].text) else "words"


builder = StateGraph(MessagesState)
builder.add_node("mathematicians", team("mathematicians", "It is 391.").compile())
builder.add_node("writers", team("writers", "An autumn leaf: it lets go.").compile())

builder.add_conditional_edges(START, topic, {"numbers": "mathematicians", "words": "writers"})
builder.add_edge("mathematicians", END)
builder.add_edge("writers", END)
graph = builder.compile(name="router")

if __name__ == "__main__":
    for question in ("What is 17 x 23?", "Give me a short poem."):
        print(Team.from_graph(graph).run(question).answer)
