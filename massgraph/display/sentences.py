"""What is said of an event, where the event alone tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, assert_never

from ..nodes import events as ev
from ..nodes.findings import OUTPUT
from .line import Line
from .safe_text import one_line

_COUNT = re.compile(r"\d+ of \d+")


def counted(status: str) -> str | None:
    """Return what a status counts, as in `reading: 20 of 298 tokens`; None if it counts nothing."""
    what, found = _COUNT.subn("", status)
    return what if found else None


def of_agent(event: ev.Event) -> Iterator[Line]:
    """Give out what is said of an agent's event."""
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
        case ev.PresentingEnded(presented="fallback"):
            yield Line("could not present; the stored answer stands", "bad", event.agent)
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


def of_machine(event: ev.Event) -> Iterator[Line]:
    """Give out what is said of an event of the machine's."""
    match event:
        case ev.RoundOpened():
            yield Line(f"round {event.round}: {', '.join(event.asked)}")
        case ev.AnswersAccepted():
            who = ", ".join(answer["agent"] for answer in event.answers)
            yield Line(f"new answers of {who}")
        case ev.VoteCast():
            said = f"votes for {' > '.join(event.ranking or [event.candidate])}"
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


def summary(result: dict[str, Any]) -> Line:
    """Return what is said of a result."""
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


def backend_of(agent: dict[str, str]) -> str:
    """Return what an agent runs on."""
    return " ".join(part for part in (agent.get("provider"), agent.get("model")) if part)


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
