"""A readable log for each agent: what it was asked, wrote, reasoned, called and voted, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ..display.safe_text import one_line, safe
from ..display.sentences import of_agent, of_machine
from ..nodes import events as ev
from ..nodes.state import Usage
from .attempt_head import INDENT, AttemptHead, clock, indented

WRITES: Mapping[type[ev.Delta], str] = {
    ev.AgentText: "says",
    ev.AgentReasoning: "reasons",
    ev.AnswerText: "writes a new answer",
    ev.FinalText: "writes the final answer",
}
"""What stands above a text, by the event that brings a piece of it."""

Written = tuple[str, str]
"""An agent, and what comes at the end of its log."""


class _Page:
    """Where an agent's log stands: at the end of a line, or in the middle of a text."""

    def __init__(self) -> None:
        self._open: tuple[type[ev.Delta], int] | None = None
        self._newlines = 0

    def write(self, event: ev.Delta) -> str:
        """Return what a piece of text adds; newlines at its end wait for what comes after them."""
        kind = (type(event), event.attempt)
        before = ""
        if self._open != kind:
            before = f"{self.close()}{clock(event.t)}{WRITES[kind[0]]}:\n{INDENT}"
            self._open = kind
        text = "\n" * self._newlines + safe(event.delta)
        kept = text.rstrip("\n")
        self._newlines = len(text) - len(kept)
        return before + indented(kept)

    def close(self) -> str:
        """Return what ends the text that is being written."""
        ended = "" if self._open is None else "\n"
        self._open, self._newlines = None, 0
        return ended


class AgentLogs:
    """The logs of a run's agents: a fold of its events, which keeps no text.

    Args:
        head: The run that they are of.
    """

    def __init__(self, head: AttemptHead) -> None:
        self._head = head
        self._pages: dict[str, _Page] = {}

    def feed(self, event: ev.Event) -> Iterator[Written]:
        """Take an event in, and give out what it adds to whose log."""
        match event:
            case ev.Delta():
                if event.agent in self._pages:
                    yield event.agent, self._pages[event.agent].write(event)
            case ev.RunStarted() | ev.RunResumed():
                self._pages = {agent["id"]: _Page() for agent in event.agents}
                told = [*self._head.lines(event), _with("question", event.question)]
                for agent in self._pages:
                    yield agent, "".join(f"{line}\n" for line in told)
            case _:
                lines = list(_told(event))
                for agent in self._readers(event) if lines else ():
                    before = self._pages[agent].close()
                    yield agent, before + "".join(f"{clock(event.t)}{line}\n" for line in lines)

    def _readers(self, event: ev.Event) -> list[str]:
        """Return whose logs tell of an event: its agent's, or everybody's."""
        match event:
            case ev.VoteCast() | ev.VoteDropped():
                named = [event.voter]
            case ev.RoundOpened():
                named = event.asked
            case ev.AgentsReleased():
                named = event.agents
            case ev.AgentStamp():
                named = [event.agent]
            case ev.BudgetReached() | ev.DeadlineReached() if event.agent is not None:
                named = [event.agent]
            case _:
                return list(self._pages)
        return [agent for agent in named if agent in self._pages]


def _told(event: ev.Event) -> Iterator[str]:
    """Give out what is said of an event; texts whole, below what they are."""
    match event:
        case ev.RoundOpened():
            yield f"round {event.round}, epoch {event.epoch}"
        case ev.TurnStarted():
            yield f"is asked, and sees {', '.join(event.answers) or 'no answers'}"
        case ev.ToolStarted():
            arguments = json.dumps(event.arguments, ensure_ascii=False, default=str)
            yield _with(f"calls {one_line(event.name)}", arguments)
        case ev.ToolFinished():
            took = "" if event.builtin else f" after {event.seconds:.1f} s"
            said, text = ("gave", event.result) if event.error is None else ("failed", event.error)
            yield _with(f"{one_line(event.name)} {said}{took}", text or "nothing")
        case ev.CallEnded():
            yield _call_ended(event)
        case ev.VoteCast():
            yield _with(f"votes for {' > '.join(event.ranking or [event.candidate])}", event.reason)
        case ev.RunFinished():
            yield f"the run is over: {event.result['outcome'].replace('_', ' ')}"
        case ev.AgentStamp():
            yield from (line.text for line in of_agent(event))
        case _:
            yield from (line.text for line in of_machine(event))


def _with(said: str, text: str) -> str:
    """Return what is said, with a text below it, if there is one."""
    text = safe(text).strip("\n")
    return f"{said}:\n{INDENT}{indented(text)}" if text.strip() else said


def _call_ended(event: ev.CallEnded) -> str:
    end = "stopped" if event.stopped else event.failure or event.finish_reason or "ended"
    stored = ", from the journal" if event.replayed else ""
    said = one_line(f"call of {event.provider}:{event.model}: {end}")
    return f"{said} ({event.seconds:.1f} s, {_used(event.usage)}{stored})"


def _used(usage: Usage) -> str:
    cost = usage["cost_usd"]
    told = f"{usage['input_tokens']:,} tokens in, {usage['output_tokens']:,} out"
    return told if cost is None else f"{told}, ${cost:.4f}"
