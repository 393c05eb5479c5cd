"""What agents should see and who should win, worked out a second time.

This is an implementation of its own on purpose. A check that asked the code which it checks (what
is visible, what settles a run, which ballots count) would find every record right, whatever a bug
in that code had made of it. So nothing here is shared with `visible` and `settle`, plurality is
counted anew, and other rules are asked with their ballots in another order.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ..nodes.policy import Policy
from ..nodes.rules import (
    Candidate,
    Decision,
    Electorate,
    RuleOptions,
    Vote,
    cast_vote,
    find_rule,
)
from ..nodes.visibility import Sight


def sees_wrongly(
    policy: Policy, sight: Sight, seen: Sequence[str], *, only_answers: bool
) -> str | None:
    """Return what is wrong with what an agent is shown.

    Args:
        policy: The policy of the run.
        sight: Who looks, and what there is to see.
        seen: Whose answers it is shown.
        only_answers: Whether nobody votes now.
    """
    agents, there = sight.agents, set(sight.authors)
    mine, others = there & {sight.agent}, there - {sight.agent}
    if not set(seen) <= there:
        return "an answer that is not current"
    if not mine <= set(seen):
        return "one's own answer is hidden"
    most = min(policy.visible_peers or 1, len(others))
    if callable(policy.visibility):
        expected = mine | set(policy.visibility(sight)) & there if there else set()
    elif policy.visibility == "ring":
        at = agents.index(sight.agent)
        steps = sorted(others, key=lambda peer: (agents.index(peer) - at) % len(agents))
        expected = mine | set(steps[:most])
    elif policy.visibility == "random":
        return None if len(set(seen) - mine) == most else "not as many peers as there are to see"
    else:
        expected = mine if policy.visibility == "none" and only_answers else there
    return None if set(seen) == expected else f"{sorted(seen)} and not {sorted(expected)}"


class Polls:
    """An election, from its votes to its winner.

    Args:
        policy: The policy of the run.
        agents: All agents, in registration order.
        votes: Voter -> vote, as it was cast.
        answers: Candidate -> the epoch in which its answer was accepted.
        live: Who has not failed.
    """

    def __init__(
        self,
        policy: Policy,
        agents: Sequence[str],
        votes: Mapping[str, Vote],
        answers: Mapping[str, int],
        live: Collection[str],
    ) -> None:
        self.policy, self.agents, self.answers = policy, list(agents), dict(answers)
        self.votes, self._live = dict(votes), frozenset(live)
        self.counted = [ballot for vote in votes.values() for ballot in self._counted(vote)]

    def _counted(self, vote: Vote) -> list[Vote]:
        """Return what counts of a vote: a ballot, or none."""
        ranking = vote.get("ranking") or [vote["candidate"]]
        if self.policy.self_votes == "ignore" and len(self.agents) > 1:
            ranking = [agent for agent in ranking if agent != vote["voter"]]
        if not ranking:
            return []
        kept = ranking if "ranking" in vote else None
        return [cast_vote(vote["voter"], ranking[0], vote["reason"], vote["epoch"], kept)]

    @property
    def decision(self) -> Decision | None:
        """What the rule says, asked with its ballots and candidates in another order."""
        policy = self.policy
        ballots = random.Random(len(self.counted)).sample(self.counted, len(self.counted))
        return find_rule(policy.rule)(
            ballots,
            [
                Candidate(agent, self.answers[agent])
                for agent in self.agents
                if agent in self.answers
            ],
            Electorate(self.agents, self._live, policy.weights),
            RuleOptions(policy.quorum, policy.tie, policy.seed, policy.threshold),
        )

    @property
    def winner(self) -> str:
        """Who wins; plurality is worked out anew, and other rules are asked."""
        decision = None if self.policy.rule == "plurality" else self.decision
        return self._most_votes() if decision is None else decision.winner

    @property
    def agree(self) -> bool:
        """Whether all ballots that count are for the winner."""
        return {ballot["candidate"] for ballot in self.counted} == {self.winner}

    def dissent(self, winner: str) -> list[Vote]:
        """Return the votes that lost."""
        lost = {b["voter"] for b in self.counted if b["candidate"] != winner}
        voters = [agent for agent in self.agents if agent in lost]
        return [self.votes[v] for v in voters if self.votes[v]["candidate"] != winner]

    def _most_votes(self) -> str:
        weight: Counter[str] = Counter()
        for ballot in self.counted:
            # In thousandths, which add up exactly.
            weight[ballot["candidate"]] += round(1000 * self.policy.weights.get(ballot["voter"], 1))
        most = max(weight[candidate] for candidate in self.answers)
        agents, answers, tie = self.agents, self.answers, self.policy.tie
        tied = [agent for agent in agents if agent in answers and weight[agent] == most]
        if tie == "random":
            drawn = random.Random(self.policy.seed).sample(agents, len(agents))
            return next(agent for agent in drawn if agent in tied)
        return min(tied, key=answers.__getitem__) if tie == "earliest_answer" else tied[0]


def settled_wrongly(by: str, polls: Polls, *, limits: Collection[str], single: bool) -> str | None:
    """Return what is wrong with the reason why a run was settled.

    Args:
        by: The reason.
        polls: The election.
        limits: The limits that were reached: `deadline`, `budget`.
        single: Whether nobody had to vote.
    """
    if single:
        return None if by in ("single", *limits) else f"nobody votes, and {by}"
    decision = polls.decision
    if by in ("deadline", "budget"):
        return None if by in limits else f"no {by} was reached"
    if decision is None:
        return None if by == "debate_limit" else f"there is no decision, and {by}"
    if polls.agree:
        return None if by == "consensus" else f"all agree, and {by}"
    expected = "tie_break" if decision.tied else "rule"
    return None if by == expected else f"{expected} and not {by}"
