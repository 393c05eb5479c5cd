"""A node of one's own: a critic reads the new answers before the team votes on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage

from massgraph import Agent, BackendChatModel, ScriptedBackend, Team
from massgraph.compose import CoordinationGraph, Member, Policy, TeamState, coordination

model = BackendChatModel(
    backend=ScriptedBackend([{"text": "agent1 forgets the units.", "when": "present"}])
)


class CriticState(TeamState, total=False):
    """The machine's state, and what the critic keeps in it."""

    remarks: int


async def critic(state: CriticState) -> dict[str, Any]:
    """Read the current answers, and tell all agents what is wrong with them."""
    answers = "\n\n".join(
        f"{label}: {state['answers'][agent]['text']}"
        for label, agent in state["labels"].items()
        if agent in state["answers"]
    )
    said = await model.ainvoke(
        [SystemMessage("Name the gravest mistake of these answers."), HumanMessage(answers)]
    )
    notes = {**state["notes"], "critique": said.text}
    return {"notes": notes, "remarks": state.get("remarks", 0) + 1}


def graph(members: Sequence[Member], policy: Policy) -> CoordinationGraph:
    """Build the team's graph with the critic in it; `massgraph run --graph` takes it, too."""
    made = coordination(members, policy, name="criticized", state=CriticState)
    return made.insert("critic", critic, between=("restart", "open_round"))


if __name__ == "__main__":
    script = [
        {"new_answer": "It falls 19.6.", "when": "no_answers"},
        {"new_answer": "It falls 19.6 metres."},
        {"vote": "first", "reason": "It has the units.", "when": "answers"},
    ]
    voter = [{"new_answer": "About 20 m.", "when": "no_answers"}, {"vote": "first"}]
    team = Team(
        [Agent("alice", ScriptedBackend(script)), Agent("bob", ScriptedBackend(voter))], graph=graph
    )
    print(team.run("How far does a stone fall in two seconds?").answer)
