"""Record the run that the README shows, anew: `python docs/record_team.py` (takes 40 seconds).

A team of three from a script, with a calculator, which disagrees at first. It writes at the speed
at which a model does, so that there is something to see.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AnyMessage

from massgraph import Agent, Policy, Team
from massgraph.backends.base import ToolSchema
from massgraph.backends.chunks import StreamChunk, UsageChunk
from massgraph.backends.scripted import ScriptedBackend

RECORD = Path(__file__).parent.parent / "examples" / "neptune.jsonl"
QUESTION = "How long does sunlight take to reach Neptune?"
PRICE = 3e-6, 15e-6
"""Dollars of a token in, and of one out."""


class Paced(ScriptedBackend):
    """A scripted backend that writes no faster than a model does.

    Args:
        turns: The script.
        model: A name for displays.
        chunks_a_second: How fast it writes.
    """

    def __init__(
        self, turns: Sequence[Mapping[str, Any]], model: str, chunks_a_second: float
    ) -> None:
        super().__init__(turns, model)
        self._pace_s = 1 / chunks_a_second

    async def stream_with_tools(
        self, messages: Sequence[AnyMessage], tools: Sequence[ToolSchema], **params: Any
    ) -> AsyncIterator[StreamChunk]:
        """Play the next turn."""
        async for chunk in super().stream_with_tools(messages, tools, **params):
            yield _priced(chunk) if isinstance(chunk, UsageChunk) else chunk
            await asyncio.sleep(self._pace_s)


def _priced(chunk: UsageChunk) -> UsageChunk:
    """Return what a call has used, with what a model of the usual price would cost."""
    used = chunk.usage
    paid = used.input_tokens * PRICE[0] + used.output_tokens * PRICE[1]
    return UsageChunk(dataclasses.replace(used, estimated_cost=paid))


ADA = [
    {
        "when": "no_answers",
        "delay": 0.4,
        "reasoning": "Neptune is about 30.07 astronomical units from the Sun, and light needs "
        "499.005 seconds for each of them. I should work it out instead of guessing.",
        "tool_calls": [{"name": "calculator", "args": {"expression": "30.07 * 499.005 / 3600"}}],
    },
    {
        "when": "no_answers",
        "delay": 0.3,
        "new_answer": "About 4 hours and 10 minutes: at 30.07 astronomical units, and 499 seconds "
        "for each, light is under way for 4.168 hours.",
    },
    {
        "when": "answers",
        "delay": 0.5,
        "reasoning": "Mine gives the mean. The third answer gives the range as well, and says why "
        "there is one. Still, the question asks for one number.",
        "vote": "agent1",
        "reason": "It is worked out, and it is one number, as the question asks.",
    },
    {
        "when": "answers",
        "delay": 0.4,
        "reasoning": "The others' reason is fair: the orbit is no circle.",
        "vote": "agent3",
        "reason": "It has my number, and tells how much it varies, which I left out.",
    },
]
BEN = [
    {
        "when": "no_answers",
        "delay": 1.0,
        "text": "Off the top of my head: the Earth gets it after eight minutes.",
        "new_answer": "Roughly four hours.",
    },
    {
        "when": "answers",
        "delay": 1.2,
        "vote": "agent3",
        "reason": "It names the range, and where it comes from; mine is only a guess.",
    },
]
CLEO = [
    {
        "when": "no_answers",
        "delay": 0.8,
        "reasoning": "The orbit is an ellipse, if a slight one: from 29.8 to 30.3 astronomical "
        "units. So there is a range, and the mean is 30.07.",
        "new_answer": "4 hours and 10 minutes on average. Neptune is 29.8 to 30.3 astronomical "
        "units away, so it is between 4 h 8 min and 4 h 12 min.",
    },
    {
        "when": "answers",
        "delay": 0.9,
        "reasoning": "Both long answers agree on the mean.",
        "vote": "agent3",
        "reason": "The mean and the range; both follow from the orbit.",
    },
    {
        "when": "present",
        "delay": 0.5,
        "text": "Sunlight takes about **4 hours and 10 minutes** to reach Neptune.\n\n"
        "- Neptune is 30.07 astronomical units from the Sun on average.\n"
        "- Light needs 499 seconds for one of them: 30.07 x 499 s = 15,005 s.\n"
        "- The orbit is a slight ellipse (29.8 to 30.3 units), so the time varies between "
        "4 h 8 min and 4 h 12 min.\n\n"
        "For comparison: it reaches the Earth after 8 minutes and 19 seconds.",
    },
]


def team(records: Path) -> Team:
    """Return the team, which records its runs there."""
    return Team(
        [
            Agent("ada", Paced(ADA, "large", 9), "You work things out.", tools=["calculator"]),
            Agent("ben", Paced(BEN, "small", 7), "You answer at once."),
            Agent("cleo", Paced(CLEO, "medium", 10), "You look for what is missing."),
        ],
        Policy(rule="unanimity", seed=1),
        db="memory:",
        records=records,
    )


def main() -> None:
    """Run the team, and keep the record."""
    with tempfile.TemporaryDirectory() as folder:
        team(Path(folder)).run(QUESTION, thread_id="neptune")
        (record,) = Path(folder).rglob("events.jsonl")
        shutil.copy(record, RECORD)


if __name__ == "__main__":
    main()
