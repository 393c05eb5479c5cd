"""S5, S6: when a run may settle, on whom, by what, and who saw it otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from ..nodes.agent_turn import SETTLED
from ..nodes.events import DebateOpened, Verdict, WinnerSelected
from ..nodes.rules import Vote, cast_vote, is_ranked
from .facts import Facts
from .finding import Found
from .oracle import Polls, settled_wrongly
from .turn import Turn


def may_be(facts: Facts, event: Verdict) -> Found:
    """S5, S6: one verdict ends the run, and nobody live is passed over by it."""
    if facts.settled:
        yield "S6", f"the verdict {event.verdict} comes after settling"
    if event.verdict == "no_answer" and facts.answers:
        yield "S5", f"the verdict is no_answer, and {', '.join(facts.answers)} has one"
    if event.verdict in ("settled", "no_consensus") and not facts.answers:
        yield "S5", f"the verdict is {event.verdict}, and there is no answer"
    if event.verdict == "unfinished" and not facts.owing:
        yield "S5", "the verdict is unfinished, and nobody owes anything"
    if event.verdict == "settled" and facts.setting.votes in ("yes", "tallied"):
        silent = set(facts.live) - set(facts.votes) - facts.reasons - facts.exhausted
        if facts.setting.votes == "tallied":
            silent -= facts.answers.keys() | facts.ended.keys()
        if silent and not facts.setting.alone:
            yield "S5", f"{', '.join(sorted(silent))} has neither a vote nor a reason for none"
    if event.verdict == "no_consensus" and _has_winner(facts):
        yield "S5", "there is a debate, though the rule has a winner"


def _has_winner(facts: Facts) -> bool:
    return facts.setting.knows_rule and bool(facts.answers) and facts.polls.decision is not None


def shows_the_ballots(facts: Facts, event: DebateOpened) -> Found:
    """S5: a debate shows the ballots that count, in the order of their voters."""
    agents = facts.setting.agents
    counted = sorted(facts.polls.counted, key=lambda ballot: agents.index(ballot["voter"]))
    if event.ballots != counted:
        yield "S5", "the ballots that are shown are not those that count"


def is_the_rules(facts: Facts, event: WinnerSelected) -> Found:
    """S4, S5: the winner is the rule's, and has a current answer."""
    setting, polls = facts.setting, facts.polls
    if setting.sits_out:
        if event.winner not in setting.sits_out:
            yield "S5", f"{event.winner} is to present, and not {', '.join(setting.sits_out)}"
        return
    if event.winner not in facts.answers:
        own = setting.votes == "maybe" and event.settled_by == "single"
        if not own:
            yield "S4", f"{event.winner} wins, and has no current answer"
        return
    if setting.votes == "maybe" and event.settled_by == "single":
        return
    if setting.alone or setting.knows_rule:
        winner = next(iter(facts.answers)) if setting.alone else polls.winner
        if event.winner != winner:
            yield "S5", f"the winner is {event.winner}; by the rule it is {winner}"


def is_settled_by_that(facts: Facts, event: WinnerSelected) -> Found:
    """S5: what settled the run is what is said to have settled it."""
    setting, by = facts.setting, event.settled_by
    limits = facts.limits | ({"budget"} if facts.exhausted else set())
    if setting.sits_out:
        if by not in ("single", *facts.limits):
            yield "S5", f"settled by {by}, where nobody votes"
        return
    if not facts.answers or (setting.votes == "maybe" and by == "single"):
        return
    if setting.alone or setting.knows_rule:
        problem = settled_wrongly(by, facts.polls, limits=limits, single=setting.alone)
    else:
        problem = f"no {by} was reached" if by in {"deadline", "budget"} - limits else None
    if problem:
        yield "S5", f"settled by what it was not: {problem}"


def has_this_dissent(facts: Facts, event: WinnerSelected) -> Found:
    """S5: the dissent is the votes that lost."""
    nobody_votes = facts.setting.alone or facts.setting.sits_out
    dissent = [] if nobody_votes else facts.polls.dissent(event.winner)
    if event.dissent != dissent:
        yield "S5", "the dissent is not the votes that lost"


def waits_for_who_may_decide(facts: Facts, event: WinnerSelected) -> Found:
    """S5: no vote of who was not waited for could have made anybody else win."""
    setting = facts.setting
    if not setting.knows_rule or setting.votes != "yes" or not facts.answers:
        return
    for turn in facts.ended.values():
        if turn.why != SETTLED:
            continue
        for vote in _votes_of(facts, turn):
            votes = facts.votes | {turn.agent: vote}
            polls = Polls(setting.policy, setting.agents, votes, facts.answers, facts.live)
            found = polls.decision
            if found is None or found.winner != event.winner:
                whom = f"{turn.agent}, who might have decided for {vote['candidate']}"
                yield "S5", f"settled early, without {whom}"
                break


def _votes_of(facts: Facts, turn: Turn) -> Iterator[Vote]:
    """Give out what an agent might have cast, of one candidate each."""
    policy = facts.setting.policy
    for candidate in facts.setting.authors(turn.seen or ()):
        own = candidate == turn.agent
        if candidate in facts.answers and not (own and policy.self_votes == "forbid"):
            ranking = [candidate] if is_ranked(policy.rule) else None
            yield cast_vote(turn.agent, candidate, "", facts.epoch, ranking)
