"""The fold of what the machine says: rounds, votes, verdicts, and the end."""

from __future__ import annotations

from typing import Any

from ...nodes import events as ev
from ...nodes.rules import Vote
from ...nodes.state import Outcome, no_usage
from ..line import Line
from ..safe_text import one_line
from ..sentences import of_machine, summary
from .page import Page
from .view import ENDED, AgentView, View, VoteView


def machine_says(view: View, event: ev.Event) -> None:
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
    view.enter("open_round")
    view.begun, view.verdict = view.t, ""
    for agent in event.asked:
        if agent in view.agents:
            view.agents[agent].begin("waiting", view.t)


def _decide(
    view: View, event: ev.Verdict | ev.AnswersAccepted | ev.DebateOpened | ev.WinnerSelected
) -> None:
    """Take in what the machine makes of a round."""
    match event:
        case ev.Verdict():
            view.enter("collect_votes")
            view.verdict = event.verdict
            if event.verdict == "no_answer":
                view.enter("give_up")
        case ev.AnswersAccepted():
            view.enter("restart")
            gone = set(event.withdrawn)
            known = [agent for agent in view.answers if agent not in gone]
            view.answers = list(dict.fromkeys([*known, *(one["agent"] for one in event.answers)]))
            view.votes, view.ballots = {}, []
        case ev.DebateOpened():
            view.enter("debate")
            view.ballots, view.votes = [_stored_vote(vote) for vote in event.ballots], {}
        case ev.WinnerSelected():
            view.enter("select_winner")
            view.winner, view.settled_by = event.winner, event.settled_by
            view.begun = None  # no round goes on


def _stored_vote(vote: Vote) -> VoteView:
    return VoteView(vote["voter"], vote["candidate"], one_line(vote["reason"], 1_000))


def _named(line: Line) -> str:
    return f"{line.agent}: {line.text}" if line.agent else line.text


def _begin(view: View, event: ev.RunStarted | ev.RunResumed) -> None:
    view.enter("ask")
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
            view.agents[agent].begin("failed", view.t, failure["kind"])
    for outcome in event.outcomes:
        _stored(view, outcome)


def _stored(view: View, outcome: Outcome) -> None:
    """Take in a turn that had ended before the run was cut."""
    agent = view.agents.get(outcome["agent"])
    if agent is not None:
        agent.begin(ENDED[outcome["outcome"]], view.t, outcome["kind"] or "")
        agent.round = outcome["round"]
        agent.spend(outcome["usage"])


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
        view.enter("give_up")
    view.result, view.node = result, None
    view.log.add(summary(result))
    for agent in view.agents.values():
        agent.open, agent.chars = no_usage(), 0
        agent.spent = result["usage"].get(agent.id, agent.spent)
        if agent.at_work or agent.doing == "waiting":
            agent.begin("stopped", view.t, "the run is over")
