"""Record a team once, and play it again without its providers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from massgraph import Agent, LLMBackend, ScriptedBackend, Team
from massgraph.backends.cassette import RecordBackend, ReplayBackend

QUESTION = "How many moons does Mars have?"


def providers() -> dict[str, LLMBackend]:
    """Return the models that answer; with keys, "openai:gpt-5.4" and the like."""
    return {
        "alice": ScriptedBackend(
            [
                {"text": "Phobos and Deimos.", "new_answer": "Two.", "delay": 0.3},
                {"vote": "first", "reason": "Both are listed."},
            ]
        ),
        "bob": ScriptedBackend(
            [
                {"new_answer": "One: Phobos.", "delay": 0.1},
                {"vote": "first", "reason": "I forgot Deimos.", "delay": 0.2},
            ]
        ),
    }


def ask(backends: dict[str, LLMBackend]) -> str:
    """Return what a team of these backends answers."""
    team = Team([Agent(name, backend) for name, backend in backends.items()])
    result = team.run(QUESTION)
    for vote in result.votes:
        print(f"{vote.voter} votes for {vote.candidate}: {vote.reason}")
    return result.require_answer()


with tempfile.TemporaryDirectory() as folder:
    tape = Path(folder) / "moons.db"
    recorded = ask({name: RecordBackend(one, tape, name) for name, one in providers().items()})
    print("Recorded:", recorded)

    # Needs nothing but the file: no key, no network, no SDK. At speed 1 it takes its time again.
    replayed = ask({name: ReplayBackend(tape, name, speed=1) for name in providers()})
    print("The same again:" if replayed == recorded else "Another answer:", replayed)
