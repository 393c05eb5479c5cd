"""The story of a run, line by line: a pure function of its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..nodes import events as ev
from .drafts import Drafts
from .line import Line as Line
from .line import Style, broken
from .safe_text import in_row, one_line, safe
from .sentences import backend_of, counted, of_agent, of_machine, summary
from .usage_table import usage_table

WIDEST = 100
"""Characters of a streamed line at most; a longer one is broken at a space."""

TABLE = 61
"""Characters of a row of the table: 80 columns, less the longest name and its mark."""


class Narrator:
    """Takes events in, and gives out the lines that they complete.

    Agents write at once, so each has a buffer of its own: lines never mix.

    Args:
        show_final: Whether the final answer is told, too.
    """

    def __init__(self, *, show_final: bool = True) -> None:
        self.agents: list[str] = []
        self.at_work: list[str] = []
        """Who is at a turn, or presents."""
        self.widest = WIDEST
        """Characters of a streamed line; a longer one is broken at a space."""
        self._show_final = show_final
        self._unfinished: dict[str, Line] = {}
        self._attempts: int | None = None
        self._drafts = Drafts()
        self._counted: dict[str, str] = {}
        self._alone = False

    def unfinished(self) -> list[Line]:
        """Return what the agents are writing: the line of each that is not complete yet."""
        return [self._unfinished[a] for a in self.agents if a in self._unfinished]

    def feed(self, event: ev.Event) -> list[Line]:
        """Take an event in, and return the lines that are complete now; their text is safe."""
        match event:
            case ev.AgentText():
                return list(self._write(event.agent, event.delta, "text"))
            case ev.AgentReasoning():
                return list(self._write(event.agent, event.delta, "reasoning"))
            case ev.AnswerText():
                self._drafts.write(event)
                return list(self._write(event.agent, event.delta, "answer"))
            case ev.FinalText():
                lines = list(self._write(event.agent, event.delta, "final"))
                return lines if self._show_final else []
            case _:
                # A record may be anybody's: ids and names of models are texts, too.
                told = (replace(line, text=in_row(line.text)) for line in self._told(event))
                return [*self._flush(event), *told]

    def _write(self, agent: str, delta: str, style: Style) -> Iterator[Line]:
        begun = self._unfinished.pop(agent, None)
        if begun is not None and begun.style != style:
            yield begun
            begun = None
        *complete, rest = ((begun.text if begun else "") + safe(delta)).split("\n")
        *pieces, rest = broken(rest, self.widest)
        for line in complete:
            yield from self._lines(broken(line, self.widest), style, agent)
        yield from self._lines(pieces, style, agent)
        if rest:
            self._unfinished[agent] = Line(rest, style, agent)

    @staticmethod
    def _lines(pieces: list[str], style: Style, agent: str) -> Iterator[Line]:
        return (Line(piece, style, agent) for piece in pieces if piece.strip())

    def _flush(self, event: ev.Event) -> list[Line]:
        """Return what its agent has left unfinished, or all of them when the machine speaks."""
        whose = [event.agent] if isinstance(event, ev.AgentStamp) else list(self._unfinished)
        lines = [self._unfinished.pop(agent) for agent in whose if agent in self._unfinished]
        return [
            line
            for line in lines
            if line.text.strip() and (self._show_final or line.style != "final")
        ]

    def _told(self, event: ev.Event) -> Iterator[Line]:
        self._follow(event)
        match event:
            case ev.RunStarted() | ev.RunResumed():
                self._attempts = event.policy.get("attempts")
                self._alone = len(event.agents) == 1 and event.policy.get("single") == "answer"
                team = ", ".join(f"{a['id']} ({backend_of(a)})" for a in event.agents)
                goes_on = " goes on" if isinstance(event, ev.RunResumed) else ""
                yield Line(f"{one_line(event.graph)}{goes_on}: {one_line(team)}")
            case ev.AnswersAccepted():
                # Who is alone has nothing to vote on: the next round is a formality.
                same = list(self._drafts.same(event))
                if not self._alone:
                    yield from (*same, *of_machine(event))
            case ev.RoundOpened() | ev.TurnEnded(outcome="abstained") if self._is_formality:
                pass
            case ev.ActionRefused(what="call"):
                of = f" of {self._attempts}" if self._attempts else ""
                said = f"no reply: {one_line(event.why).rstrip('.')}; try {event.attempt}{of}"
                yield Line(said, "bad", event.agent)
            case ev.AgentStatus() if self._counts_on(event):
                pass  # its end is soon seen, and each step of it would be a line
            case ev.AgentStamp():
                yield from of_agent(event)
            case ev.RunFinished():
                yield summary(event.result)
                rows = usage_table(event.result["usage"], min(self.widest, TABLE))
                yield from (Line(row, "note", agent) for agent, row in rows)
            case _:
                yield from of_machine(event)

    @property
    def _is_formality(self) -> bool:
        return self._alone and self._drafts.accepted

    def _counts_on(self, event: ev.AgentStatus) -> bool:
        """Return whether a status counts on from the one that was told of this turn."""
        what = counted(event.status)
        known = what is not None and self._counted.get(event.agent) == what
        if what is not None:
            self._counted[event.agent] = what
        return known

    def _follow(self, event: ev.Event) -> None:
        """Keep who is at work, and what they have drafted."""
        match event:
            case ev.RunStarted():
                self.agents = [agent["id"] for agent in event.agents]
            case ev.RunResumed():
                self.agents = [agent["id"] for agent in event.agents]
                self.at_work.clear()
                self._drafts.begin_round()
                self._drafts.accepted = bool(event.state["answers"])
            case ev.RoundOpened():
                self._drafts.begin_round()
            case ev.AgentRetried():
                self._drafts.forget(event.agent)
            case ev.TurnStarted() | ev.PresentingStarted():
                self._counted.pop(event.agent, None)
                if event.agent not in self.at_work:
                    self.at_work.append(event.agent)
            case ev.TurnEnded() | ev.PresentingEnded():
                if event.agent in self.at_work:
                    self.at_work.remove(event.agent)
                if isinstance(event, ev.TurnEnded) and event.outcome == "new_answer":
                    self._drafts.end(event.agent)
            case ev.RunFinished():
                self.at_work.clear()
            case _:
                pass
