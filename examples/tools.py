"""An agent with tools of its own: a plain Python function, and a Python interpreter."""

from __future__ import annotations

from massgraph import Agent, ScriptedBackend, Team


def multiply(a: int, b: int) -> int:
    """Multiply two whole numbers."""
    return a * b


# A script plays the model here; any backend that can call tools does the same for real.
model = ScriptedBackend(
    [
        {"tool_calls": [{"name": "multiply", "args": {"a": 6, "b": 7}}]},
        {"tool_calls": [{"name": "python", "args": {"code": "sum([7] * 6)"}}]},
        {"new_answer": "6 x 7 = 42"},
    ]
)
team = Team([Agent("alice", model, system_message="You calculate.", tools=[multiply, "python"])])

for event in team.stream("What is 6 x 7?"):
    if event.type == "tool_finished":
        print(f"{event.name} gave {event.result}")
    elif event.type == "run_finished":
        print(event.result["answer"])
