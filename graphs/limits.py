"""How many steps a run can take at the most: LangGraph's limit never ends one of ours."""

from __future__ import annotations

from ..nodes.policy import PolicyFields
from ..nodes.think import MAX_TOOL_STEPS

LEAST = 10_000
"""Room for ways of a person's own that lead back; LangGraph's own default is about as much."""


def recursion_limit(agents: int, policy: PolicyFields, *, nodes: int) -> int:
    """Return a bound on the supersteps of a run, and of a turn, whichever is longer.

    Every round but the last of an epoch is an unfinished one, and every epoch but the last two
    ends with a new answer or a debate.

    Args:
        agents: How many there are.
        policy: How they coordinate.
        nodes: How many other nodes there are: what a round may pass, at the most.
    """
    epochs = agents * policy.max_answers_per_agent + policy.max_debate_rounds + 2
    rounds = epochs * (1 + policy.max_unfinished_rounds)
    turn = 2 * (policy.attempts + MAX_TOOL_STEPS + 3)
    return max(LEAST, rounds * (nodes + 1), turn)
