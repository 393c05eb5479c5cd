"""A team as a tool of a LangChain agent (needs the extra: pip install 'massgraph[langchain]')."""

from __future__ import annotations

import asyncio

from langchain.agents import create_agent
from langchain_core.tools import tool

from massgraph import Agent, BackendChatModel, ScriptedBackend, Team

script = [{"new_answer": "Tides: the Moon.", "when": "no_answers"}, {"vote": "first"}]
panel = Team([Agent(name, ScriptedBackend(script)) for name in ("alice", "bob", "carol")])


@tool
async def ask_the_panel(question: str) -> str:
    """Ask a panel of experts, who agree on one answer."""
    result = await panel.arun(question)
    return result.require_answer()


# A script plays the agent's model; "openai:gpt-5.4" or any chat model does the same for real.
model = BackendChatModel(
    backend=ScriptedBackend(
        [
            {
                "tool_calls": [{"name": "ask_the_panel", "args": {"question": "Why tides?"}}],
                "when": "present",
            },
            {"text": "The panel says: Tides: the Moon.", "when": "present"},
        ]
    )
)


async def main() -> None:
    """Let the agent ask the panel."""
    agent = create_agent(model, tools=[ask_the_panel])
    end = await agent.ainvoke({"messages": [("human", "Ask your panel why there are tides.")]})
    print(end["messages"][-1].text)


if __name__ == "__main__":
    asyncio.run(main())
