"""Three agents on the embedded model answer a question. No key, no network."""

from __future__ import annotations

from massgraph import Agent, Policy, Team

team = Team(
    agents=[Agent(name, backend="local", system_message="Answer in one short sentence.")
            for name in ("alice", "bob", "carol")],
    policy=Policy(max_answers_per_agent=1),
)  # fmt: skip

result = team.run("What is the capital of France?")
print(result.require_answer())
print(f"-- by {result.winner}, settled by {result.settled_by}, {result.total.calls} calls")
