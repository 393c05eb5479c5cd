"""A run that is cancelled in its middle, and gone on with: nobody is asked twice."""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory
from typing import Any

from massgraph import Agent, Policy, ScriptedBackend, Team

Turns = list[dict[str, Any]]
ANSWER = {"new_answer": "Interlaken.", "when": "no_answers"}
VOTE = {"vote": "first", "reason": "It lies between two lakes.", "when": "answers"}
THINK = {"hang": True, "when": "answers"}
BROKEN = {"error": "auth"}  # whoever asks this model again gets no reply


def team(alice: Turns, bob: Turns, db: str) -> Team:
    """Return the team, as each process makes it anew."""
    agents = [Agent("alice", ScriptedBackend(alice)), Agent("bob", ScriptedBackend(bob))]
    return Team(agents, Policy(final="reuse"), db=db)


async def main() -> None:
    """Cancel a run when alice has voted and bob still thinks, and go on with it."""
    with TemporaryDirectory() as folder:
        db = f"sqlite:///{folder}/threads.db"
        async with (
            team([ANSWER, VOTE], [ANSWER, THINK], db) as first,
            first.start("Where shall we stay?", thread_id="trip") as run,
        ):
            async for event in run:
                if event.type == "turn_ended" and event.outcome == "vote":
                    run.cancel()
            print((await run.result()).outcome)

        async with team([BROKEN], [VOTE], db) as again:
            result = await again.aresume("trip")
        print(result.answer, "-- votes of", ", ".join(vote.voter for vote in result.votes))


asyncio.run(main())
