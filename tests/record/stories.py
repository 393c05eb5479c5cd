"""Small stories to record."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from massgraph.nodes.events import (
    AgentText,
    AnswerText,
    Event,
    RoundOpened,
    RunFinished,
    RunResumed,
    RunStarted,
    TurnStarted,
)
from massgraph.nodes.record import Record
from massgraph.record.event_writer import EventWriter

AGENTS = [{"id": "alice", "provider": "scripted", "model": "m"}]
NASTY = 'half \ud800, "quoted"\u2028\u0085\x1b[2J\u202e\x00\x7f\n\r\n\\'
"""Text that breaks lines, steers terminals, or is not even text."""


def result(outcome: str = "settled", answer: str | None = "42") -> dict[str, Any]:
    """Return the result object of a run of alice alone."""
    record = Record("t1")
    record.add(begun())
    return record.ended("settled", 2.0) | {"outcome": outcome, "answer": answer}


def begun() -> RunStarted:
    """Return how a run begins."""
    return RunStarted(question="Why?", agents=AGENTS, policy={}, graph="team", thread_id="t1")


def resumed() -> RunResumed:
    """Return how a run goes on."""
    return RunResumed(
        question="Why?",
        agents=AGENTS,
        policy={},
        graph="team",
        state=Record().state,
        outcomes=[],
        thread_id="t1",
    )


def finished(outcome: str = "settled", answer: str | None = "42") -> RunFinished:
    """Return how a run ends."""
    return RunFinished(result=result(outcome, answer), thread_id="t1")


def text(delta: str, agent: str = "alice") -> AgentText:
    """Return a piece of an agent's text."""
    return AgentText(agent=agent, delta=delta)


def story() -> list[Event]:
    """Return a short run, of six events."""
    return numbered(
        begun(),
        RoundOpened(asked=["alice"], round=1),
        TurnStarted(agent="alice", answers=[], round=1),
        text("Hm."),
        AnswerText(agent="alice", delta=NASTY, round=1),
        finished(),
    )


def numbered(*events: Event, attempt: int = 1, begin_s: float = 0.0) -> list[Event]:
    """Return the events of one attempt with their numbers, half a second apart."""
    return [
        dataclasses.replace(
            event, seq=number, t=begin_s + (number - 1) / 2, run_attempt=attempt, thread_id="t1"
        )
        for number, event in enumerate(events, 1)
    ]


def written(path: Path, *attempts: list[Event]) -> Path:
    """Return the path, with a record of these attempts."""
    for events in attempts:
        writer = EventWriter(path)
        writer.append(events)
        writer.close()
    return path
