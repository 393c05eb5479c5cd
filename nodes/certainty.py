"""Whether the votes that are in leave nothing to decide: asked of the rule, so of any rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, permutations, product

from .actions import legal_actions
from .policy import PolicyFields
from .rules import Vote, cast_vote
from .settle import decide
from .state import TeamState, owing_agents

MOST = 500
"""Ways in which the outstanding ballots may be cast that are tried; with more, nothing is certain.

The rule is called for each, which takes about 35 ms for all of them in a team of eleven.
"""


def certain(state: TeamState, policy: PolicyFields, outstanding: Sequence[str]) -> bool:
    """Return whether the rule elects the same winner however the outstanding ballots are cast.

    Each of them may be for any candidate that is legal for its voter, or not be cast at all; under
    a ranked rule it is any order of them, whole or in part. What has more than `MOST` completions
    is not certain.

    Args:
        state: A state with the votes that are in.
        policy: The rule.
        outstanding: Who may still vote.
    """
    if not state["answers"]:
        return False
    ballots = [list(islice(_ballots(state, policy, agent), MOST + 1)) for agent in outstanding]
    ways = 1
    for of_one in ballots:
        ways *= len(of_one)
        if ways > MOST:
            return False
    first = decide(state, policy)
    return first is not None and all(
        (decision := decide({**state, "votes": state["votes"] | votes}, policy)) is not None
        and decision.winner == first.winner
        for votes in _completions(ballots)
    )


def settled_early(state: TeamState, policy: PolicyFields) -> bool:
    """Return whether a policy lets a run settle now, whoever has not voted yet."""
    if not policy.settle_early or state["phase"] == "answer":
        return False
    return certain(state, policy, outstanding(state, policy))


def outstanding(state: TeamState, policy: PolicyFields) -> list[str]:
    """Return who may still vote in this epoch."""
    owing = owing_agents(state)
    return [agent for agent in owing if legal_actions(state, agent, policy).targets]


def _completions(ballots: Sequence[Sequence[Vote | None]]) -> Iterator[dict[str, Vote]]:
    for ways in product(*ballots):
        yield {vote["voter"]: vote for vote in ways if vote is not None}


def _ballots(state: TeamState, policy: PolicyFields, agent: str) -> Iterator[Vote | None]:
    """Give out what an agent may cast; None is no ballot, and comes last."""
    legal = legal_actions(state, agent, policy)
    candidates = list(legal.targets.values())
    longest = len(candidates) if legal.ranked else 1
    for length in range(longest, 0, -1):
        for ranking in permutations(candidates, length):
            yield cast_vote(
                voter=agent,
                candidate=ranking[0],
                reason="",
                epoch=state["epoch"],
                ranking=ranking if legal.ranked else None,
            )
    yield None
