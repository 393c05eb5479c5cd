"""The verdicts: pure, total functions of the state that the edges of the machine are labelled by.

verdict        holds when (the first that does)
new_answer     at least one new answer was accepted in the round
unfinished     somebody live has no vote, could cast one, and may be asked once more
no_answer      nobody has an answer
no_consensus   the rule finds no winner, somebody can vote, and debate rounds are left
settled        everything else: the rule's winner, or plurality's
"""

from __future__ import annotations

from typing import Literal

from ..nodes.actions import legal_actions
from ..nodes.policy import PolicyFields
from ..nodes.settle import decide
from ..nodes.state import TeamState, live_agents, owing_agents
from ..nodes.turn import TurnState

Verdict = Literal["new_answer", "unfinished", "no_answer", "no_consensus", "settled"]
TurnVerdict = Literal["acted", "no_action", "tool_calls"]


def verdict(state: TeamState, policy: PolicyFields) -> Verdict:
    """Return what a finished round amounts to."""
    if state["pending"]:
        return "new_answer"
    if _may_ask_again(state, policy):
        return "unfinished"
    if not state["answers"]:
        return "no_answer"
    if _may_debate(state, policy) and decide(state, policy) is None:
        return "no_consensus"
    return "settled"


def turn_verdict(state: TurnState) -> TurnVerdict:
    """Return what an agent's last reply amounts to."""
    if state.get("ending"):
        return "acted"
    if state.get("tool_calls"):
        return "tool_calls"
    return "no_action"


def _may_ask_again(state: TeamState, policy: PolicyFields) -> bool:
    return (
        state["limit"] is None
        and state["opened"] <= policy.max_unfinished_rounds
        and any(_can_act(state, agent, policy) for agent in owing_agents(state))
    )


def _may_debate(state: TeamState, policy: PolicyFields) -> bool:
    return (
        state["limit"] is None
        and state["debates"] < policy.max_debate_rounds
        and any(_can_act(state, agent, policy) for agent in live_agents(state))
    )


def _can_act(state: TeamState, agent: str, policy: PolicyFields) -> bool:
    return not legal_actions(state, agent, policy).nothing
