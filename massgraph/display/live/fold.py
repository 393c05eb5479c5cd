"""The fold: how each event changes the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...nodes import events as ev
from ...nodes.rules import Vote
from ...nodes.state import Outcome, Usage, add_usage, no_usage
from ..line import Line, Style
from ..safe_text import one_line
from ..sentences import of_agent, of_machine, summary
from .page import RULE, Page
from .view import AgentView, Doing, Node, View, VoteView

_WRITING: Mapping[type, tuple[Doing, Style]] = {
    ev.AgentText: ("writing", "text"),
    ev.AgentReasoning: ("thinking", "reasoning"),
    ev.AnswerText: ("answering", "answer"),
    ev.FinalText: ("presenting", "final"),
}

_ENDED: Mapping[str, Doing] = {
    "new_answer": "answered",
    "vote": "voted",
    "interrupted": "stopped",
    "abstained": "abstains",
    "failed": "failed",
}

_MOST_NOTES = 200


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
        _of_machine(view, event)


def note(view: View, text: str) -> None:
    """Add a line of the program's own."""
    line = one_line(text, 1_000)
    view.log.add(Line(line, "bad"))
    view.notes.append(line)
    del view.notes[:-_MOST_NOTES]
    view.changes += 1


def _added(view: View, agent: str) -> AgentView:
    """Return a new agent: one that the run's beginning does not name."""
    view.agents[agent] = AgentView(agent)
    return view.agents[agent]


def _now(agent: AgentView, doing: Doing, t: float, detail: str = "") -> None:
    if (agent.doing, agent.detail) != (doing, detail):
        agent.doing, agent.detail, agent.since = doing, detail, t


def _write(view: View, event: ev.Delta) -> None:
    agent = view.agents.get(event.agent) or _added(view, event.agent)
    doing, style = _WRITING[type(event)]
    if agent.doing != "presenting":
        _now(agent, doing, view.t)
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
            _now(agent, "failed" if failed else "presented", view.t)
            _spend(agent, event.usage)
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
        _at(view, "present_final")
        _now(agent, "presenting", view.t)
        view.presenting, view.final = agent.id, Page()
    else:
        _at(view, "agents")
        _now(agent, "thinking", view.t)
        agent.round = event.round
        agent.page.add(Line(f"{RULE}round {event.round}", "note"))


def _do(view: View, agent: AgentView, event: ev.Event) -> None:
    """Take in what an agent does in the middle of its turn."""
    match event:
        case ev.ToolStarted():
            _now(agent, "tool", view.t, one_line(event.name, 40))
        case ev.ToolFinished() if agent.doing == "tool":
            _now(agent, "thinking", view.t)
        case ev.AgentStatus():
            _now(agent, "waiting", view.t, one_line(event.status, 60))
        case ev.CallRetried():
            _now(agent, "retrying", view.t, f"in {round(event.wait_s, 1):g} s")
        case ev.AgentRetried():
            _now(agent, "waiting", view.t, "asked afresh")
        case _:
            pass


def _tell(agent: AgentView, event: ev.Event) -> None:
    """Write into an agent's page what is said of an event."""
    for line in of_agent(event):
        agent.page.add(line)
        if isinstance(event, ev.ToolStarted | ev.ToolFinished):
            agent.tool = line.text


def _over(view: View, agent: AgentView, event: ev.TurnEnded) -> None:
    """Take in the end of a turn."""
    why = one_line(event.why, 80)
    detail = why if event.outcome in ("interrupted", "abstained") else event.kind or ""
    _now(agent, _ENDED[event.outcome], view.t, detail)
    _spend(agent, event.usage)


def _spend(agent: AgentView, usage: Usage) -> None:
    """Take in what a turn has used: all of its calls, so that those count no more."""
    agent.spent = add_usage(agent.spent, usage)
    agent.open, agent.chars = no_usage(), 0


def _at(view: View, node: Node) -> None:
    """Note that the machine is at a node."""
    if view.node != node:
        view.node = node
        view.visits[node] += 1


def _of_machine(view: View, event: ev.Event) -> None:
    """Take in an event of the machine's."""
    match event:
        case ev.RunStarted() | ev.RunResumed():
            _begin(view, event)
        case ev.RoundOpened():
            _open_round(view, event)
        case ev.Verdict() | ev.AnswersAccepted() | ev.DebateOpened() | ev.WinnerSelected():
            _decide(view, event)
        case ev.VoteCast() | ev.VoteDropped():
            _vote(view, event)
        case ev.BudgetReached(agent=str(who)) if who in view.agents:
            view.agents[who].budget = event.which
        case ev.RunFinished():
            _finish(view, event.result)
        case _:
            pass
    if isinstance(event, ev.VoteCast):
        return  # the vote board tells it
    for line in of_machine(event):
        view.log.add(Line(_named(line), line.style, line.agent))


def _open_round(view: View, event: ev.RoundOpened) -> None:
    _at(view, "open_round")
    view.begun, view.verdict = view.t, ""
    for agent in event.asked:
        if agent in view.agents:
            _now(view.agents[agent], "waiting", view.t)


def _decide(
    view: View, event: ev.Verdict | ev.AnswersAccepted | ev.DebateOpened | ev.WinnerSelected
) -> None:
    """Take in what the machine makes of a round."""
    match event:
        case ev.Verdict():
            _at(view, "collect_votes")
            view.verdict = event.verdict
            if event.verdict == "no_answer":
                _at(view, "give_up")
        case ev.AnswersAccepted():
            _at(view, "restart")
            gone = set(event.withdrawn)
            known = [agent for agent in view.answers if agent not in gone]
            view.answers = list(dict.fromkeys([*known, *(one["agent"] for one in event.answers)]))
            view.votes, view.ballots = {}, []
        case ev.DebateOpened():
            _at(view, "debate")
            view.ballots, view.votes = [_stored_vote(vote) for vote in event.ballots], {}
        case ev.WinnerSelected():
            _at(view, "select_winner")
            view.winner, view.settled_by = event.winner, event.settled_by
            view.begun = None  # no round goes on


def _stored_vote(vote: Vote) -> VoteView:
    return VoteView(vote["voter"], vote["candidate"], one_line(vote["reason"], 1_000))


def _named(line: Line) -> str:
    return f"{line.agent}: {line.text}" if line.agent else line.text


def _begin(view: View, event: ev.RunStarted | ev.RunResumed) -> None:
    _at(view, "ask")
    view.question, view.graph, view.policy = event.question, event.graph, event.policy
    pages = {agent.id: agent.page for agent in view.agents.values()}
    view.agents = {
        one["id"]: AgentView(
            one["id"],
            one_line(one.get("provider", ""), 40),
            one_line(one.get("model", ""), 80),
            page=pages.get(one["id"], Page()),
        )
        for one in event.agents
    }
    view.result, view.begun = None, None
    view.answers, view.votes, view.ballots = [], {}, []
    view.winner, view.settled_by, view.verdict = None, "", ""
    view.presenting, view.final = None, Page()
    if isinstance(event, ev.RunResumed):
        _resume(view, event)


def _resume(view: View, event: ev.RunResumed) -> None:
    """Take in what the machine has stored of the attempt before."""
    state = event.state
    view.log.add(Line("the run goes on where it was cut", "note"))
    view.answers = list(state["answers"])
    view.winner, view.settled_by = state["winner"], state["settled_by"] or ""
    view.ballots = [_stored_vote(vote) for vote in state["ballots"]]
    view.votes = {vote["voter"]: _stored_vote(vote) for vote in state["votes"].values()}
    for agent, usage in state["usage"].items():
        if agent in view.agents:
            view.agents[agent].spent = usage
    for agent, failure in state["failures"].items():
        if agent in view.agents:
            _now(view.agents[agent], "failed", view.t, failure["kind"])
    for outcome in event.outcomes:
        _stored(view, outcome)


def _stored(view: View, outcome: Outcome) -> None:
    """Take in a turn that had ended before the run was cut."""
    agent = view.agents.get(outcome["agent"])
    if agent is not None:
        _now(agent, _ENDED[outcome["outcome"]], view.t, outcome["kind"] or "")
        agent.round = outcome["round"]
        _spend(agent, outcome["usage"])


def _vote(view: View, event: ev.VoteCast | ev.VoteDropped) -> None:
    """Take in a vote, or that one does not count."""
    reason = one_line(event.reason, 1_000) if isinstance(event, ev.VoteCast) else ""
    known = view.votes.get(event.voter)
    vote = VoteView(event.voter, event.candidate, reason)
    if isinstance(event, ev.VoteDropped):
        vote.dropped = one_line(event.why) or "dropped"
        vote.reason = known.reason if known is not None else ""
    else:
        vote.ranking = event.ranking
        _told_vote(view, event, reason)
    view.votes[event.voter] = vote


def _told_vote(view: View, event: ev.VoteCast, reason: str) -> None:
    voter = view.agents.get(event.voter)
    if voter is not None:
        voter.detail = event.candidate
        said = f"votes for {' > '.join(event.ranking or [event.candidate])}"
        voter.page.add(Line(f"{said}: {reason}" if reason else said, "good"))


def _finish(view: View, result: dict[str, Any]) -> None:
    """Take in the result; its sums are the last word."""
    if view.result is None and result["outcome"] == "no_answer":
        _at(view, "give_up")
    view.result, view.node = result, None
    view.log.add(summary(result))
    for agent in view.agents.values():
        agent.open, agent.chars = no_usage(), 0
        agent.spent = result["usage"].get(agent.id, agent.spent)
        if agent.at_work or agent.doing == "waiting":
            _now(agent, "stopped", view.t, "the run is over")
