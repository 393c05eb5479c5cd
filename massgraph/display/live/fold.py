"""The fold: how each event changes the view."""

from __future__ import annotations

from collections.abc import Mapping

from ...nodes import events as ev
from ...nodes.state import add_usage, no_usage
from ..line import Line, Style
from ..safe_text import one_line
from ..sentences import counted, of_agent
from .machine_fold import machine_says
from .page import RULE, Page
from .view import ENDED, AgentView, Doing, View

_WRITING: Mapping[type, tuple[Doing, Style]] = {
    ev.AgentText: ("writing", "text"),
    ev.AgentReasoning: ("thinking", "reasoning"),
    ev.AnswerText: ("answering", "answer"),
    ev.FinalText: ("presenting", "final"),
}

MOST_NOTES = 200
"""Lines of the program's own that are kept."""


def take(view: View, event: ev.Event) -> None:
    """Change the view by the next event."""
    view.t = max(event.t, 0.0)
    view.round, view.epoch = event.round, event.epoch
    view.thread = event.thread_id or view.thread
    view.changes += 1
    if isinstance(event, ev.Delta):
        _write(view, event)
    elif isinstance(event, ev.AgentStamp):
        _of_agent(view, view.agents.get(event.agent) or _added(view, event.agent), event)
    else:
        machine_says(view, event)


def note(view: View, text: str) -> None:
    """Add a line of the program's own."""
    line = one_line(text, 1_000)
    view.log.add(Line(line, "bad"))
    view.notes.append(line)
    del view.notes[:-MOST_NOTES]
    view.changes += 1


def _added(view: View, agent: str) -> AgentView:
    """Return a new agent: one that the run's beginning does not name."""
    view.agents[agent] = AgentView(agent)
    return view.agents[agent]


def _write(view: View, event: ev.Delta) -> None:
    agent = view.agents.get(event.agent) or _added(view, event.agent)
    doing, style = _WRITING[type(event)]
    if agent.doing != "presenting":
        agent.begin(doing, view.t)
    agent.attempt = event.attempt
    agent.chars += len(event.delta)
    agent.page.write(event.delta, style)
    if style == "final":
        view.final.write(event.delta, style)


def _of_agent(view: View, agent: AgentView, event: ev.Event) -> None:
    """Take in an event of an agent's that is no text."""
    match event:
        case ev.TurnStarted() | ev.PresentingStarted():
            _start(view, agent, event)
        case ev.TurnEnded():
            _over(view, agent, event)
        case ev.PresentingEnded():
            failed = event.failure is not None or event.presented == "fallback"
            agent.begin("failed" if failed else "presented", view.t)
            agent.spend(event.usage)
        case ev.CallEnded():
            agent.open, agent.chars = add_usage(agent.open, event.usage), 0
        case ev.ActionRefused():
            agent.attempt, agent.chars = event.attempt, 0
        case _:
            _do(view, agent, event)
    _tell(agent, event)


def _start(view: View, agent: AgentView, event: ev.TurnStarted | ev.PresentingStarted) -> None:
    agent.attempt, agent.chars, agent.open = 1, 0, no_usage()
    if isinstance(event, ev.PresentingStarted):
        view.enter("present_final")
        agent.begin("presenting", view.t)
        view.presenting, view.final = agent.id, Page()
    else:
        view.enter("agents")
        agent.begin("thinking", view.t)
        agent.round = event.round
        agent.page.add(Line(f"{RULE}round {event.round}", "note"))


def _do(view: View, agent: AgentView, event: ev.Event) -> None:
    """Take in what an agent does in the middle of its turn."""
    match event:
        case ev.ToolStarted():
            agent.begin("tool", view.t, one_line(event.name, 40))
        case ev.ToolFinished() if agent.doing == "tool":
            agent.begin("thinking", view.t)
        case ev.AgentStatus():
            agent.begin("waiting", view.t, one_line(event.status, 60))
        case ev.CallRetried():
            agent.begin("retrying", view.t, f"in {round(event.wait_s, 1):g} s")
        case ev.AgentRetried():
            agent.begin("waiting", view.t, "asked afresh")
        case _:
            pass


def _tell(agent: AgentView, event: ev.Event) -> None:
    """Write into an agent's page what is said of an event."""
    for line in of_agent(event):
        if isinstance(event, ev.AgentStatus) and _counts_on(agent, line):
            agent.page.lines.pop()
        agent.page.add(line)
        if isinstance(event, ev.ToolStarted | ev.ToolFinished):
            agent.tool = line.text


def _counts_on(agent: AgentView, line: Line) -> bool:
    """Return whether a line tells the next step of what the last one tells."""
    last, what = agent.page.lines[-1:], counted(line.text)
    return what is not None and any(
        one.style == "note" and counted(one.text) == what for one in last
    )


def _over(view: View, agent: AgentView, event: ev.TurnEnded) -> None:
    """Take in the end of a turn."""
    why = one_line(event.why, 80)
    detail = why if event.outcome in ("interrupted", "abstained") else event.kind or ""
    agent.begin(ENDED[event.outcome], view.t, detail)
    agent.spend(event.usage)
