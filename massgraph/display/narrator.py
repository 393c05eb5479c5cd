"""The story of a run, line by line: a pure function of its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from ..nodes import events as ev
from ..nodes.findings import OUTPUT
from .safe_text import one_line, safe
from .usage_table import usage_table

Style = Literal["text", "reasoning", "answer", "final", "note", "good", "bad"]

WIDEST = 100
"""Characters of a streamed line at most; a longer one is broken at a space."""

TABLE = 61
"""Characters of a row of the table: 80 columns, less the longest name and its mark."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line to show, safe to print; `agent` is None where the machine speaks."""

    text: str
    style: Style = "note"
    agent: str | None = None


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
        self._alone = False

    def unfinished(self) -> list[Line]:
        """Return what the agents are writing: the line of each that is not complete yet."""
        return [self._unfinished[a] for a in self.agents if a in self._unfinished]

    def feed(self, event: ev.Event) -> list[Line]:
        """Take an event in, and return the lines that are complete now."""
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
                return [*self._flush(event), *self._told(event)]

    def _write(self, agent: str, delta: str, style: Style) -> Iterator[Line]:
        begun = self._unfinished.pop(agent, None)
        if begun is not None and begun.style != style:
            yield begun
            begun = None
        *complete, rest = ((begun.text if begun else "") + safe(delta)).split("\n")
        *pieces, rest = _broken(rest, self.widest)
        for line in complete:
            yield from self._lines(_broken(line, self.widest), style, agent)
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
            case ev.RunStarted():
                self._attempts = event.policy.get("attempts")
                self._alone = len(event.agents) == 1 and event.policy.get("single") == "answer"
                team = ", ".join(f"{a['id']} ({_backend(a)})" for a in event.agents)
                yield Line(f"team: {one_line(team)}")
            case ev.AnswersAccepted():
                # Who is alone has nothing to vote on: the next round is a formality.
                same = list(self._drafts.same(event))
                if not self._alone:
                    yield from (*same, *_of_machine(event))
            case ev.RoundOpened() | ev.TurnEnded(outcome="abstained") if self._is_formality:
                pass
            case ev.ActionRefused(what="call"):
                of = f" of {self._attempts}" if self._attempts else ""
                said = f"no reply: {one_line(event.why).rstrip('.')}; try {event.attempt}{of}"
                yield Line(said, "bad", event.agent)
            case ev.AgentStamp():
                yield from _of_agent(event)
            case ev.RunFinished():
                yield _summary(event.result)
                rows = usage_table(event.result["usage"], min(self.widest, TABLE))
                yield from (Line(row, "note", agent) for agent, row in rows)
            case _:
                yield from _of_machine(event)

    @property
    def _is_formality(self) -> bool:
        return self._alone and self._drafts.accepted

    def _follow(self, event: ev.Event) -> None:
        """Keep who is at work, and what they have drafted."""
        match event:
            case ev.RunStarted():
                self.agents = [agent["id"] for agent in event.agents]
            case ev.RoundOpened():
                self._drafts.begin_round()
            case ev.AgentRetried():
                self._drafts.forget(event.agent)
            case ev.TurnStarted() | ev.PresentingStarted():
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


class Drafts:
    """The new answers of a round: which of them say the same."""

    def __init__(self) -> None:
        self.accepted = False
        """Whether there has been an answer that stands."""
        self._pieces: dict[str, tuple[int, list[str]]] = {}
        self._new: list[str] = []

    def begin_round(self) -> None:
        """Forget the round before."""
        self._pieces.clear()
        self._new.clear()

    def write(self, event: ev.AnswerText) -> None:
        """Take a piece of an answer in."""
        attempt, pieces = self._pieces.get(event.agent, (event.attempt, []))
        if attempt != event.attempt:
            pieces = []
        pieces.append(event.delta)
        self._pieces[event.agent] = (event.attempt, pieces)

    def forget(self, agent: str) -> None:
        """Drop what an agent has written: it begins afresh."""
        self._pieces.pop(agent, None)

    def end(self, agent: str) -> None:
        """Note that an agent has a new answer."""
        self._new.append(agent)

    def same(self, event: ev.AnswersAccepted) -> Iterator[Line]:
        """Tell whose new answer was published under a peer's name."""
        published = {" ".join(one["text"].split()): one["agent"] for one in event.answers}
        for agent in self._new:
            if agent not in published.values():
                _, pieces = self._pieces.get(agent, (0, []))
                other = published.get(" ".join("".join(pieces).split()), "another answer")
                yield Line(f"says the same as {other}", "note", agent)
        self.accepted = True


def _of_agent(event: ev.Event) -> Iterator[Line]:
    match event:
        case ev.AgentStatus():
            yield Line(one_line(event.status), "note", event.agent)
        case ev.CallRetried():
            said = f"asked again in {round(event.wait_s, 1):g} s ({one_line(event.why)})"
            yield Line(said, "bad", event.agent)
        case ev.ToolStarted():
            arguments = one_line(json.dumps(event.arguments, ensure_ascii=False, default=str), 200)
            yield Line(f"calls {one_line(event.name)} {arguments}", "note", event.agent)
        case ev.ToolFinished(error=None):
            said = f"{one_line(event.name)} gave {_given(event)}"
            yield Line(f"{said}{_took(event)}", "note", event.agent)
        case ev.ToolFinished():
            said = f"{one_line(event.name)} failed: {one_line(event.error or '')}"
            yield Line(f"{said}{_took(event)}", "bad", event.agent)
        case ev.ActionRefused():
            said = f"refused: {one_line(event.what)} ({one_line(event.why)})"
            yield Line(said, "bad", event.agent)
        case ev.AgentRetried():
            yield Line("is asked afresh", "note", event.agent)
        case ev.TurnEnded():
            yield _turn_ended(event)
        case ev.PresentingStarted():
            yield Line("presents the final answer", "good", event.agent)
        case ev.PresentingEnded() if event.failure is not None:
            why = event.failure["message"].removeprefix("Presenting: ")
            said = f"could not present: {one_line(why).rstrip('.')}"
            yield Line(f"{said}; the stored answer stands", "bad", event.agent)
        case _:
            pass


def _turn_ended(event: ev.TurnEnded) -> Line:
    seconds, why = f"({max(event.seconds, 0):.1f} s)", one_line(event.why)
    match event.outcome:
        case "new_answer":
            return Line(f"has a new answer {seconds}", "good", event.agent)
        case "vote":
            return Line(f"has voted {seconds}", "note", event.agent)
        case "interrupted":
            return Line(f"was stopped: {why} {seconds}", "note", event.agent)
        case "abstained":
            return Line(f"abstains: {why} {seconds}", "note", event.agent)
        case "failed":
            said = f"failed: {event.kind or 'internal'}: {why} {seconds}"
            return Line(said, "bad", event.agent)
        case _:
            assert_never(event.outcome)


def _of_machine(event: ev.Event) -> Iterator[Line]:
    match event:
        case ev.RoundOpened():
            yield Line(f"round {event.round}: {', '.join(event.asked)}")
        case ev.AnswersAccepted():
            who = ", ".join(answer["agent"] for answer in event.answers)
            yield Line(f"new answers of {who}: everybody votes on the current answers")
        case ev.VoteCast():
            said = f"votes for {event.candidate}"
            reason = one_line(event.reason)
            yield Line(f"{said}: {reason}" if reason else said, "good", event.voter)
        case ev.VoteDropped():
            said = f"the vote for {event.candidate} does not count: {one_line(event.why)}"
            yield Line(said, "note", event.voter)
        case ev.AgentsReleased():
            why = f"{event.because_of} has a new answer"
            if event.reason == "settled":
                why = f"the vote of {event.because_of} settles it"
            yield Line(f"{', '.join(event.agents)} stopped, because {why}")
        case ev.Verdict():
            yield Line(f"verdict: {event.verdict.replace('_', ' ')}")
        case ev.DebateOpened():
            yield Line("no winner: the votes are shown, and everybody votes again")
        case ev.WinnerSelected():
            settled = event.settled_by.replace("_", " ")
            yield Line(f"winner: {event.winner} (by {settled})", "good")
        case ev.BudgetReached() | ev.DeadlineReached():
            what = "budget" if event.type == "budget_reached" else "deadline"
            yield Line(f"the {event.which} {what} is reached", "bad", event.agent)
        case _:
            pass


def _summary(result: dict[str, Any]) -> Line:
    total = result["usage"]["total"]
    facts = [
        _count(result["rounds"], "round"),
        _count(total["calls"], "call"),
        f"{total['input_tokens']:,} tokens in, {total['output_tokens']:,} out",
        f"{result['duration_s']:.1f} s",
    ]
    if total["cost_usd"] is not None:
        facts.insert(3, f"${total['cost_usd']:.4f}")
    outcome = result["outcome"].replace("_", " ")
    return Line(f"{outcome}: {', '.join(facts)}", "good" if outcome == "settled" else "bad")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _backend(agent: dict[str, str]) -> str:
    return " ".join(part for part in (agent.get("provider"), agent.get("model")) if part)


def _broken(line: str, widest: int) -> list[str]:
    """Return a line in pieces that are not too wide, broken at spaces where there are any."""
    pieces: list[str] = []
    while len(line) > widest:
        at = line.rfind(" ", 1, widest + 1)
        at = at if at > 0 else widest
        pieces.append(line[:at].rstrip())
        line = line[at:].lstrip(" ")
    return [*pieces, line]


def _given(event: ev.ToolFinished) -> str:
    """Return what a tool gave; code may be long, and what it printed is told all the same."""
    given = event.result or "nothing"
    code, printed, output = given.partition(f"\n{OUTPUT}")
    if not event.builtin or not printed:
        return one_line(given, 200)
    return f"{one_line(code, 80)} {OUTPUT}{one_line(output, 120)}"


def _took(event: ev.ToolFinished) -> str:
    """Return how long a tool took; a provider does not tell how long its own took."""
    return "" if event.builtin else f" ({event.seconds:.1f} s)"
