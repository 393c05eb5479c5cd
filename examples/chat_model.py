"""A team as a LangChain chat model, at the end of a chain; and a backend for structured output."""

from __future__ import annotations

import asyncio

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel

from massgraph import Agent, BackendChatModel, ScriptedBackend, Team, TeamChatModel

# Scripts play the models here; `Agent("alice", ChatOpenAI(model="gpt-5.4"))` is as good.
script = [
    {"new_answer": "Blue.", "when": "no_answers"},
    {"vote": "first", "reason": "So it is.", "when": "answers"},
    {"text": "By day, the sky is blue.", "when": "present"},
]
team = Team([Agent(name, ScriptedBackend(script)) for name in ("alice", "bob")])
prompt = ChatPromptTemplate.from_messages([("human", "Which colour has {thing}?")])
chain = prompt | TeamChatModel(team=team) | StrOutputParser()

colourist = BackendChatModel(
    backend=ScriptedBackend(
        [{"tool_calls": [{"name": "Colour", "args": {"name": "blue"}}], "when": "present"}]
    )
)


class Colour(BaseModel):
    """A colour, by its name."""

    name: str


async def main() -> None:
    """Stream the team's answer, then read a colour out of it."""
    answer = ""
    async for piece in chain.astream({"thing": "the sky"}):
        answer += piece
        print(piece, end="", flush=True)
    print()
    print(await colourist.with_structured_output(Colour).ainvoke(answer))


if __name__ == "__main__":
    asyncio.run(main())
