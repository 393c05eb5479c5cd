"""Follow a run while it runs, and stop it when it has cost enough."""

from __future__ import annotations

import asyncio

from massgraph import Agent, ScriptedBackend, Team


def backend(delay: float) -> ScriptedBackend:
    """Return a backend that answers after `delay` seconds, then votes without end."""
    return ScriptedBackend(
        [
            {"new_answer": f"An answer after {delay} s.", "delay": delay, "when": "no_answers"},
            {"hang": True, "when": "answers"},
        ]
    )


async def main() -> None:
    """Watch until everybody has answered, then cancel."""
    async with Team([Agent("quick", backend(0.01)), Agent("slow", backend(0.05))]) as team:
        run = team.start("Who is faster?")
        async for event in run:
            print(f"{event.seq:3} {event.type}")
            if event.type == "round_opened" and event.round == 2:
                run.cancel()
        result = await run.result()
        print(result.outcome, dict(result.answers))


asyncio.run(main())
