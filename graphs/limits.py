"""How many steps a run can take at the most: LangGraph's limit never ends one of ours."""

from __future__ import annotations

from ..nodes.policy import PolicyFields
from ..nodes.think import MAX_TOOL_STEPS


def recursion_limit(agents: int, policy: PolicyFields) -> int:
    """Return a bound on the supersteps of a run, and of a turn, whichever is longer.

    Every round but the last of an epoch is an unfinished one, and every epoch but the last two
    ends with a new answer or a debate.
    """
    epochs = agents * policy.max_answers_per_agent + policy.max_debate_rounds + 1
    rounds = epochs * (1 + policy.max_unfinished_rounds)
    per_round = 4  # open_round, agents, collect_votes, restart or debate
    turn = 2 * (policy.attempts + MAX_TOOL_STEPS + 3)
    return max(5 + rounds * per_round, turn)
