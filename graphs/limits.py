"""How many steps a run can take at the most: LangGraph's limit never ends one of ours."""

from __future__ import annotations

from ..nodes.policy import PolicyFields
from ..nodes.think import MAX_TOOL_STEPS


def recursion_limit(agents: int, policy: PolicyFields, *, own_nodes: int = 0) -> int:
    """Return a bound on the supersteps of a run, and of a turn, whichever is longer.

    Every round but the last of an epoch is an unfinished one, and every epoch but the last two
    ends with a new answer or a debate.

    Args:
        agents: How many there are.
        policy: How they coordinate.
        own_nodes: Nodes of a person's own that a round may pass; where they lead back by
            themselves, more rounds than these are theirs to allow.
    """
    epochs = agents * policy.max_answers_per_agent + policy.max_debate_rounds + 1
    rounds = epochs * (1 + policy.max_unfinished_rounds)
    per_round = 4 + own_nodes  # open_round, agents, collect_votes, restart or debate
    turn = 2 * (policy.attempts + MAX_TOOL_STEPS + 3)
    return max(8 + own_nodes + rounds * per_round, turn)
