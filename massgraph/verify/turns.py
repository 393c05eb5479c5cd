"""S1, S2, S9, L2: how a turn begins, goes on and ends."""

from __future__ import annotations

from ..nodes.agent_turn import CANCELLED, SETTLED
from ..nodes.events import (
    AgentRetried,
    AgentsReleased,
    AgentStamp,
    RunFinished,
    TurnEnded,
    TurnStarted,
    Verdict,
)
from ..nodes.race import GRACE_S
from ..nodes.visibility import Sight
from ..outcomes import OVER
from .facts import Facts
from .finding import Found
from .oracle import sees_wrongly


def begins(facts: Facts, event: TurnStarted) -> Found:
    """S1, S3, S6, S9: who is asked begins one turn in a round."""
    agent, ended = event.agent, facts.ended.get(event.agent)
    if agent in facts.open:
        yield "S1", f"{agent} begins a second turn before its first has ended"
    elif ended is not None and ended.before:
        yield "S9", f"{agent} had ended its turn of round {event.round}, and is asked again"
    elif ended is not None:
        yield "S1", f"{agent} begins a second turn in round {event.round}"
    if (cut := facts.cut.get(agent)) is not None and cut.outcome is not None:
        yield "S9", f"{agent} had ended its turn of round {event.round}, and begins it again"
    if facts.asked is not None and agent not in facts.asked:
        yield "S3", f"{agent} is not asked in round {facts.round}"
    if facts.collected:
        yield "S6" if facts.settled else "S1", f"{agent} begins a turn outside of a round"


def sees(facts: Facts, event: TurnStarted) -> Found:
    """S2, S4: an agent is shown current answers, under the labels of their authors."""
    agents = facts.setting.agents
    known = {f"agent{number}": agent for number, agent in enumerate(agents, 1)}
    unknown = [label for label in event.answers if label not in known]
    if unknown:
        yield "S4", f"{event.agent} is shown {', '.join(map(str, unknown))}, who is nobody"
        return
    seen = [known[label] for label in event.answers]
    if seen != [agent for agent in agents if agent in seen]:
        yield "S2", f"{event.agent} is shown answers that are not in the order of their labels"
    if not facts.setting.knows_sight:
        return
    policy = facts.setting.policy
    blind = policy.visibility == "none" and not callable(policy.visibility)
    if blind and facts.phase is None:
        return  # in a graph of one's own it is not known when all are shown
    there = tuple(agent for agent in agents if agent in facts.answers)
    sight = Sight(event.agent, agents, there, event.epoch, policy.seed)
    problem = sees_wrongly(policy, sight, seen, only_answers=facts.phase == "answer")
    if problem:
        yield "S2", f"{event.agent} is shown {problem}"


def is_of_a_turn(facts: Facts, event: AgentStamp) -> Found:
    """S1, S8: what an agent does belongs to its turn, whose tries are counted upwards."""
    turn = facts.turn_of(event.agent)
    if turn is not None:
        before = turn.attempt
    elif facts.presenting == event.agent and not isinstance(event, TurnEnded):
        before = facts.tries
    elif isinstance(event, AgentRetried) and (facts.collected or event.agent in facts.failed):
        before = 1  # who had failed is asked afresh
    else:
        what = f"{getattr(event, 'type', '')} of {event.agent}, who is not at work"
        yield ("S6", what) if facts.settled else ("S1", what)
        return
    if event.attempt < before:
        yield "S1", f"{event.agent} went back from try {before} to try {event.attempt}"
    if event.attempt > facts.setting.policy.attempts:
        most = facts.setting.policy.attempts
        yield "S8", f"{event.agent} is at try {event.attempt}; {most} are allowed"


def ends(facts: Facts, event: TurnEnded) -> Found:
    """S1, S2, S3: a turn ends as one of its round may."""
    turn, agent = facts.turn_of(event.agent), event.agent
    if turn is not None and turn.round != event.round:
        yield "S1", f"{agent}'s turn of round {turn.round} ends in round {event.round}"
    stopped = event.outcome == "interrupted" or event.kind == "cancelled" or facts.cancelled
    if agent in facts.released and not stopped:
        yield "S1", f"{agent} was released, and went on to its end"
    if event.outcome == "new_answer" and facts.phase == "vote":
        yield "S3", f"{agent} has a new answer in a round of votes"
    if event.outcome == "vote" and facts.phase == "answer":
        yield "S4", f"{agent} votes in a round of answers"
    blind = facts.setting.policy.visibility == "none" and facts.phase == "coordinate"
    if event.outcome == "new_answer" and blind and facts.answers:
        yield "S2", f"{agent} has a new answer after all were shown"
    if event.outcome == "interrupted" and event.why != CANCELLED:
        if not facts.drafts[agent]:
            yield "S3", f"{agent} was interrupted at its first draft"
        if event.why != SETTLED and facts.setting.policy.on_new_answer != "cancel":
            yield "S3", f"{agent} was interrupted under on_new_answer: finish"


def holds_nobody_up(facts: Facts, event: TurnEnded) -> Found:
    """L2: a turn ends by the round's deadline."""
    late = event.t - facts.opened_at - facts.setting.policy.round_deadline_s
    if late > GRACE_S + facts.setting.slack_s:
        yield "L2", f"{event.agent} held its round up for {late:.1f} s beyond the deadline"


def releases(facts: Facts, event: AgentsReleased) -> Found:
    """S1, S3, S5: who is stopped is at work, and the policy allows it."""
    policy, at_work = facts.setting.policy, set(facts.open) | set(facts.cut)
    if event.reason == "settled" and not policy.settle_early:
        yield "S5", "agents are released early, and the policy settles nothing early"
    if event.reason != "settled" and policy.on_new_answer != "cancel":
        yield "S3", "agents are released under on_new_answer: finish"
    if facts.phase == "answer":
        yield "S3", "agents are released where all are to answer"
    if not event.agents:
        yield "S3", "nobody is released"
    if idle := sorted(set(event.agents) - at_work):
        yield "S1", f"{', '.join(idle)} is released, and not at work"


def none_is_open(facts: Facts, event: RunFinished) -> Found:
    """S1: a run that ends by itself leaves no turn without its outcome.

    A cancellation that comes between two nodes of a turn meets none that could tell of it.
    """
    if facts.open and event.result.get("outcome") in OVER:
        yield "S1", f"the turn of {', '.join(facts.open)} has no outcome"


def all_have_ended(facts: Facts, event: Verdict) -> Found:
    """S1, S3: a round is judged once everybody's turn has ended, and answers are published."""
    if facts.published or facts.settled:
        return
    if missing := [agent for agent in facts.asked or () if agent not in facts.ended]:
        yield "S1", f"the turn of {', '.join(missing)} has no outcome"
    outcomes = {turn.outcome for turn in facts.ended.values()}
    if facts.asked is not None and ("new_answer" in outcomes) != (event.verdict == "new_answer"):
        what = "a" if "new_answer" in outcomes else "no"
        yield "S3", f"there is {what} new answer, and the verdict is {event.verdict}"
    waits = [
        turn.agent
        for turn in facts.ended.values()
        if turn.outcome == "interrupted" and turn.why not in (SETTLED, CANCELLED)
    ]
    if waits and event.verdict != "new_answer":
        yield "S3", f"{', '.join(waits)} was interrupted for an answer that never came"
    if facts.cancelled:
        yield "S1", "a run whose turns were cancelled goes on"
