"""What the ballots of a state amount to: pure functions that edges and nodes share."""

from __future__ import annotations

from typing import cast

from ..backends.errors import RunError
from .policy import PolicyFields
from .rules import (
    RULES,
    Candidate,
    Decision,
    Electorate,
    Rule,
    RuleOptions,
    Vote,
    most_votes,
)
from .state import SettledBy, TeamState, agents_of, live_agents, owing_agents


def ballots_of(state: TeamState, policy: PolicyFields) -> list[Vote]:
    """Return the votes that count, in registration order of their voters."""
    ignore = policy.self_votes == "ignore" and len(state["labels"]) > 1
    votes = [state["votes"][agent] for agent in agents_of(state) if agent in state["votes"]]
    return [vote for vote in votes if not (ignore and vote["voter"] == vote["candidate"])]


def decide(state: TeamState, policy: PolicyFields) -> Decision | None:
    """Return the rule's winner, if it finds one among the current answers.

    Raises:
        RunError: When a rule of one's own returns what is no decision, or elects nobody there is.
    """
    rule = rule_of(policy)
    decision = cast("object", rule(ballots_of(state, policy), *_question(state, policy)))
    if decision is None:
        return None
    if not isinstance(decision, Decision):
        raise RunError(f"The rule returned {decision!r}; a rule returns a Decision or None.")
    if decision.winner not in state["answers"]:
        raise RunError(f"The rule elected {decision.winner!r}, who has no current answer.")
    return decision


def rule_of(policy: PolicyFields) -> Rule:
    """Return the rule that a policy names, or holds."""
    return policy.rule if callable(policy.rule) else RULES[policy.rule]


def settle(state: TeamState, policy: PolicyFields) -> tuple[str, SettledBy]:
    """Return who wins, and by what; there must be an answer."""
    if alone_and_done(state, policy):
        return next(iter(state["answers"])), "single"
    decision = decide(state, policy)
    ballots = ballots_of(state, policy)
    if decision is None:
        cut = state["limit"] is not None
        winner = most_votes(ballots, *_question(state, policy)).winner
        return winner, "deadline" if cut else "debate_limit"
    if state["limit"] is not None and owing_agents(state):
        return decision.winner, "deadline"
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
    return candidates, electorate, RuleOptions(policy.quorum, policy.tie, policy.seed)
