"""A mixture of teams: each proposer is a team of its own, and one model merges what they say."""

from __future__ import annotations

from massgraph import Agent, Policy, ScriptedBackend, Team


def panel(name: str, first: str, better: str) -> Agent:
    """Return an agent that is a whole team, with its own votes and its own graph."""
    script = [
        {"new_answer": first, "when": "no_answers"},
        {"vote": "first", "when": "answers"},
        # The winner then speaks for its team in the mixture.
        {"new_answer": better, "when": "no_answers"},
    ]
    members = [Agent(f"{name}_{number}", ScriptedBackend(script)) for number in (1, 2, 3)]
    return Agent(name, backend=Team(members, graph="debate", name=name))


editor = ScriptedBackend([{"text": "Plant oaks, and fence them off.", "when": "present"}])
team = Team(
    [
        panel("foresters", "Plant oaks.", "Plant oaks on the slope."),
        panel("herders", "Fence it off.", "Fence it off from the goats."),
        Agent("editor", editor, system_message="You merge what is right in all proposals."),
    ],
    Policy(presenter="editor"),
    graph="mixture",
)

if __name__ == "__main__":
    for event in team.stream("How do we bring the wood back?"):
        if event.type == "agent_status":
            print(f"{event.agent}: {event.status}")
        elif event.type == "run_finished":
            print(event.result["answer"])
