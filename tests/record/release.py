"""Record a run with this release: `python -m tests.record.release`.

What it writes is kept for good. Every later release reads, folds and replays it.
"""

from __future__ import annotations

from pathlib import Path

from massgraph import Agent, Policy, Team, __version__
from massgraph.record.recorder import Recorder
from tests.protocol.stage import answer, calls, vote
from tests.vloop import run_virtual

RELEASES = Path(__file__).parent / "releases"


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def team() -> Team:
    """Return a team in whose run nearly everything happens that may happen."""
    from massgraph import ScriptedBackend

    scripts = {
        "alice": [
            answer("Four.", when="no_answers", reasoning="Two and two ...", delay=0.3),
            vote("last", "It is a digit.", when="answers", delay=2),
            vote("agent1", "Mine after all.", when="answers", delay=0.2),
            {"when": "present", "text": "It is **4**: \u2028 \x1b[1m\U0001f600\x1b[0m."},
        ],
        "bob": [
            calls(("add", {"a": 2, "b": 2}), when="no_answers", delay=0.1),
            answer("4", when="no_answers", delay=0.4),
            vote("agent2", "Short.", when="answers", delay=0.5),
            vote("agent2", "Shorter.", when="answers", delay=0.5),
        ],
        "carol": [
            {"when": "no_answers", "error": "overloaded", "delay": 0.1},
            answer("four", when="no_answers", delay=0.2),
            answer("4.0", when="answers", delay=1, text="Let me be exact."),
            vote("agent1", "A word.", when="answers", delay=0.1),
        ],
        "dave": [{"error": "auth"}],
    }
    tools = {"bob": [add]}
    return Team(
        [
            Agent(name, ScriptedBackend(script), tools=tools.get(name, []))
            for name, script in scripts.items()
        ],
        policy=Policy(rule="unanimity", max_debate_rounds=1, seed=1),
    )


async def record(path: Path) -> None:
    """Record a run of the team."""
    async with team() as asked, asked.start("What is 2 + 2?") as run:
        recorder = Recorder(path)
        try:
            async for event in run:
                recorder.put(event)
        finally:
            await recorder.aclose()


if __name__ == "__main__":
    path = RELEASES / f"{__version__}.jsonl"
    path.unlink(missing_ok=True)
    run_virtual(record(path))
    path.chmod(0o644)
