"""The verdicts: pure, total functions of the state that the edges of the machine are labelled by.

verdict        holds when (the first that does)
new_answer     at least one new answer was accepted in the round
unfinished     somebody live has no vote, could cast one, and may be asked once more; under
               settle_early, only while that may change the winner
no_answer      nobody has an answer
no_consensus   the rule finds no winner, somebody can vote, and debate rounds are left
settled        everything else: the rule's winner, or plurality's
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from ..backends.errors import RunError
from ..nodes.actions import legal_actions
from ..nodes.certainty import settled_early
from ..nodes.policy import PolicyFields
from ..nodes.settle import decide
from ..nodes.state import TeamState, askable_agents, owing_agents
from ..nodes.turn import TurnState

Verdict = Literal["new_answer", "unfinished", "no_answer", "no_consensus", "settled"]
AnswerVerdict = Literal["new_answer", "unfinished", "no_answer"]
"""What rounds that ask for answers alone amount to."""
LayerVerdict = Literal["new_answer", "unfinished", "kept", "no_answer"]
"""The same, where there may be answers already: nobody had a new one, so those are kept."""
RankingVerdict = Literal["new_answer", "unfinished", "settled", "no_answer"]
"""What a round of drafts or of votes amounts to, where nobody debates."""
TurnVerdict = Literal["acted", "no_action", "tool_calls"]


def asked_agents(state: TeamState) -> list[str]:
    """Return who acts in the round that was opened.

    Raises:
        RunError: When it is nobody: LangGraph would end the run there, and say nothing.
    """
    if state["asked"]:
        return state["asked"]
    raise RunError(
        "A round was opened in which nobody owes an action: a way of your own that leads back must "
        "pass a node that clears the votes, `debate` or `restart`."
    )


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


def answer_verdict(state: TeamState, policy: PolicyFields) -> AnswerVerdict:
    """Return what a round amounts to that asks for answers alone, and is the only one to do so."""
    if state["pending"]:
        return "new_answer"
    return "unfinished" if _may_ask_again(state, policy) else "no_answer"


def layer_verdict(
    state: TeamState, policy: PolicyFields, *, sits_out: Collection[str] = ()
) -> LayerVerdict:
    """Return what a layer of answers amounts to: who has no new one keeps the last.

    Args:
        state: The state after the layer.
        policy: Its limits.
        sits_out: Agents that are not asked.
    """
    if state["pending"]:
        return "new_answer"
    if state["answers"]:
        return "kept"
    return "unfinished" if _may_ask_again(state, policy, sits_out) else "no_answer"


def ranking_verdict(state: TeamState, policy: PolicyFields) -> RankingVerdict:
    """Return what a round of drafts or of votes amounts to, where nobody debates."""
    found = verdict(state, policy)
    return "settled" if found == "no_consensus" else found


def turn_verdict(state: TurnState) -> TurnVerdict:
    """Return what an agent's last reply amounts to."""
    if state.get("ending"):
        return "acted"
    if state.get("tool_calls"):
        return "tool_calls"
    return "no_action"


def _may_ask_again(state: TeamState, policy: PolicyFields, sits_out: Collection[str] = ()) -> bool:
    owing = [agent for agent in owing_agents(state) if agent not in sits_out]
    return (
        state["limit"] is None
        and state["opened"] <= policy.max_unfinished_rounds
        and any(_can_act(state, agent, policy) for agent in owing)
        and not settled_early(state, policy)
    )


def _may_debate(state: TeamState, policy: PolicyFields) -> bool:
    return (
        state["limit"] is None
        and state["debates"] < policy.max_debate_rounds
        and any(_can_act(state, agent, policy) for agent in askable_agents(state))
    )


def _can_act(state: TeamState, agent: str, policy: PolicyFields) -> bool:
    return not legal_actions(state, agent, policy).nothing
