"""S2, S4: what a vote may be, and when it counts."""

from __future__ import annotations

from ..nodes.events import Verdict, VoteCast, VoteDropped
from ..nodes.rules import is_ranked
from .facts import Facts
from .finding import Found


def is_for_a_current_answer(facts: Facts, event: VoteCast) -> Found:
    """S4: a vote is for a current answer, and it is its voter's only one."""
    ranking = event.ranking or [event.candidate]
    for candidate in dict.fromkeys([event.candidate, *ranking]):
        if candidate not in facts.answers:
            yield "S4", f"{event.voter} votes for {candidate!r}, who has no current answer"
    if ranking[0] != event.candidate or len(set(ranking)) < len(ranking):
        yield "S4", f"the ranking of {event.voter} does not fit its vote"
    if event.voter in facts.votes:
        yield "S4", f"{event.voter} votes twice"
    if event.voter not in facts.live:
        yield "S4", f"{event.voter} votes, and is not in the team, or has failed"
    if facts.settled:
        yield "S6", f"a vote of {event.voter} counts after settling"


def is_fresh(facts: Facts, event: VoteCast) -> Found:
    """S2: its voter had a turn in the current epoch, and saw what it votes for."""
    voter, turn = event.voter, facts.ended.get(event.voter)
    tallied = facts.setting.votes == "tallied"
    if turn is None or turn.outcome != ("new_answer" if tallied else "vote"):
        if facts.setting.votes != "maybe":
            yield "S2", f"{voter} did not vote in the round"
        return
    if tallied:
        return
    if turn.epoch != event.epoch:
        yield "S2", f"{voter} voted in epoch {turn.epoch}, and its vote counts in {event.epoch}"
    if turn.candidate not in (None, event.candidate):
        yield "S4", f"{voter} voted for {turn.candidate}, and not for {event.candidate}"
    if turn.seen is None:
        return
    agents = facts.setting.agents
    seen = {agents[int(label.removeprefix("agent")) - 1] for label in turn.seen}
    if unseen := set(event.ranking or [event.candidate]) - seen:
        yield "S2", f"{voter} votes for {', '.join(sorted(unseen))}, whose answer it did not see"


def fits_the_policy(facts: Facts, event: VoteCast) -> Found:
    """S4: whether one may vote for oneself, and whether one ranks, is the policy's to say."""
    setting = facts.setting
    if setting.votes == "tallied":
        return
    own = event.voter in (event.ranking or [event.candidate])
    if own and setting.policy.self_votes == "forbid" and len(setting.agents) > 1:
        yield "S4", f"{event.voter} votes for itself, which is forbidden"
    if setting.knows_rule and is_ranked(setting.policy.rule) != (event.ranking is not None):
        yield "S4", f"{event.voter} casts {'a vote' if event.ranking is None else 'a ranking'}"


def is_dropped_for_an_answer(facts: Facts, event: VoteDropped) -> Found:
    """S2: a vote is dropped where a new answer has come, and nowhere else."""
    turn = facts.ended.get(event.voter)
    if turn is None or turn.outcome != "vote":
        yield "S2", f"a vote of {event.voter} is dropped, who did not vote in the round"
    if all(turn.outcome != "new_answer" for turn in facts.ended.values()):
        yield "S2", f"the vote of {event.voter} is dropped, and there is no new answer"


def all_are_counted(facts: Facts, event: Verdict) -> Found:
    """S2, S4: each vote of a round counts, or is dropped for a new answer."""
    if facts.published or facts.settled or facts.setting.votes == "maybe":
        return
    voted = {agent for agent, turn in facts.ended.items() if turn.outcome == "vote"}
    if lost := sorted(voted - set(facts.votes) - facts.dropped):
        yield "S4", f"the vote of {', '.join(lost)} is lost"
    if event.verdict == "new_answer" and (stale := sorted(voted & set(facts.votes))):
        yield "S2", f"the vote of {', '.join(stale)} counts, though there is a new answer"
