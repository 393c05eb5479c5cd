"""What the ballots of a state amount to: pure functions that edges and nodes share."""

from __future__ import annotations

from typing import cast

from ..backends.errors import RunError
from .policy import PolicyFields
from .rules import (
    Candidate,
    Decision,
    Electorate,
    RuleOptions,
    Vote,
    find_rule,
    most_votes,
    rule_name,
)
from .state import (
    SettledBy,
    TeamState,
    agents_of,
    askable_agents,
    live_agents,
    owing_agents,
)


def ballots_of(state: TeamState, policy: PolicyFields) -> list[Vote]:
    """Return the votes that count, in registration order of their voters.

    Where votes for oneself are ignored, a ranking counts without its voter.
    """
    votes = [state["votes"][agent] for agent in agents_of(state) if agent in state["votes"]]
    if policy.self_votes != "ignore" or len(state["labels"]) == 1:
        return votes
    return [counted for vote in votes if (counted := _without_oneself(vote)) is not None]


def _without_oneself(vote: Vote) -> Vote | None:
    """Return the vote without what it gives its voter, or None when nothing is left of it."""
    if "ranking" not in vote:
        return None if vote["candidate"] == vote["voter"] else vote
    others = [agent for agent in vote["ranking"] if agent != vote["voter"]]
    if not others:
        return None
    counted = vote.copy()
    counted["candidate"], counted["ranking"] = others[0], others
    return counted


def dissent_of(state: TeamState, policy: PolicyFields, winner: str) -> list[Vote]:
    """Return the votes that count and that are for somebody else, as they were cast.

    A ranking that counts without its voter is no dissent where that voter has won.
    """
    lost = [ballot for ballot in ballots_of(state, policy) if ballot["candidate"] != winner]
    cast = [state["votes"][ballot["voter"]] for ballot in lost]
    return [vote for vote in cast if vote["candidate"] != winner]


def decide(state: TeamState, policy: PolicyFields) -> Decision | None:
    """Return the rule's winner, if it finds one among the current answers.

    Raises:
        RunError: When a rule of one's own raises, returns what is no decision, or elects nobody
            there is.
    """
    rule = find_rule(policy.rule)
    try:
        decision = cast("object", rule(ballots_of(state, policy), *_question(state, policy)))
    except Exception as exc:
        why = " ".join(f"{type(exc).__name__}: {exc}".split())
        raise RunError(f"The rule {rule_name(policy.rule)!r} raised {why}.") from exc
    if decision is None:
        return None
    if not isinstance(decision, Decision):
        raise RunError(f"The rule returned {decision!r}; a rule returns a Decision or None.")
    if decision.winner not in state["answers"]:
        raise RunError(f"The rule elected {decision.winner!r}, who has no current answer.")
    return decision


def settle(state: TeamState, policy: PolicyFields) -> tuple[str, SettledBy]:
    """Return who wins, and by what; there must be an answer."""
    if alone_and_done(state, policy):
        return next(iter(state["answers"])), "single"
    decision = decide(state, policy)
    ballots = ballots_of(state, policy)
    if decision is None:
        winner = most_votes(ballots, *_question(state, policy)).winner
        spent = bool(live_agents(state)) and not askable_agents(state)
        return winner, state["limit"] or ("budget" if spent else "debate_limit")
    if state["limit"] is not None and owing_agents(state):
        return decision.winner, state["limit"]
    if ballots and all(ballot["candidate"] == decision.winner for ballot in ballots):
        return decision.winner, "consensus"
    return decision.winner, "tie_break" if decision.tied else "rule"


def alone_and_done(state: TeamState, policy: PolicyFields) -> bool:
    """Return whether this is one agent alone, whose answer stands without a vote."""
    return policy.single == "answer" and len(state["labels"]) == 1 and bool(state["answers"])


def _question(
    state: TeamState, policy: PolicyFields
) -> tuple[list[Candidate], Electorate, RuleOptions]:
    agents = agents_of(state)
    candidates = [
        Candidate(agent, state["answers"][agent]["epoch"])
        for agent in agents
        if agent in state["answers"]
    ]
    electorate = Electorate(agents, frozenset(live_agents(state)), policy.weights)
    return (
        candidates,
        electorate,
        RuleOptions(policy.quorum, policy.tie, policy.seed, policy.threshold),
    )
