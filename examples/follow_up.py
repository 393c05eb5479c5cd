"""A second question on the same thread: the team knows the first one and its answer."""

from __future__ import annotations

from massgraph import Agent, ScriptedBackend, Team


def backend() -> ScriptedBackend:
    """Return a backend that plays two questions."""
    return ScriptedBackend(
        [
            {"new_answer": "It is Mont Blanc.", "when": "no_answers"},
            {"vote": "first", "reason": "True.", "when": "answers"},
            {"text": "Mont Blanc.", "when": "present"},
            {"new_answer": "4,806 metres.", "when": "no_answers"},
            {"vote": "first", "reason": "Measured.", "when": "answers"},
            {"text": "4,806 metres.", "when": "present"},
        ]
    )


team = Team([Agent("alice", backend()), Agent("bob", backend())], db="memory:")
first = team.run("What is the highest mountain of the Alps?")
second = team.run("How high is it?", thread_id=first.thread_id)
print(first.answer)
print(second.answer)
