"""A human gate: a person approves the winner's answer before it is presented."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from massgraph import Agent, ScriptedBackend, Team
from massgraph.compose import CoordinationGraph, TeamState, coordination

Ruling = Literal["approved", "rejected"]


class GateState(TeamState, total=False):
    """The machine's state, and what the person said."""

    approved: bool


async def approval(state: GateState) -> dict[str, Any]:
    """Wait for a person."""
    winner = state["winner"] or ""
    return {"approved": interrupt({"winner": winner, "answer": state["answers"][winner]["text"]})}


async def ruled(state: GateState) -> Ruling:
    """Go where the person said."""
    return "approved" if state["approved"] else "rejected"


def graph(members: Any, policy: Any) -> CoordinationGraph:
    """Build the team's graph with the gate between the vote and the presentation."""
    made = coordination(members, policy, state=GateState)
    return made.insert(
        "approval",
        approval,
        between=("select_winner", "present_final"),
        path=ruled,
        path_map={"approved": "present_final", "rejected": "give_up"},
    )


async def main() -> None:
    """Ask, show the answer to the person, and go on."""
    script = [{"new_answer": "Refund the order.", "when": "no_answers"}, {"vote": "first"}]
    team = Team([Agent(name, ScriptedBackend(script)) for name in ("alice", "bob")], graph=graph)
    compiled, thread = team.compile(InMemorySaver()), {"configurable": {"thread_id": "case-7"}}
    question = {"messages": [("human", "What do we do about case 7?")]}
    paused = await compiled.ainvoke(question, thread)
    print("to approve:", paused["__interrupt__"][0].value["answer"])
    end = await compiled.ainvoke(Command(resume=True), thread)
    print(end["outcome"], "--", end["answer"])


if __name__ == "__main__":
    asyncio.run(main())
