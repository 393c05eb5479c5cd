"""What probability theory says, where it can: checks of the engine, and curves to compare with.

Voters and drafts are independent of each other, as in Condorcet's jury theorem.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import comb


def binomial(number: int, of: int, probability: float) -> float:
    """Return the probability of so many successes."""
    return comb(of, number) * probability**number * (1 - probability) ** (of - number)


@cache
def top(balls: int, bins: int) -> tuple[tuple[int, int, float], ...]:
    """Return how full the fullest bins are when balls fall anywhere.

    Returns:
        Rows of: balls in the fullest bin, how many bins have as many, the probability.
    """
    if bins == 1:
        return ((balls, 1, 1.0),)
    found: Counter[tuple[int, int]] = Counter()
    for first in range(balls + 1):
        here = binomial(first, balls, 1 / bins)
        for most, count, probability in top(balls - first, bins - 1):
            tie = (max(first, most), count + 1 if first == most else count if first < most else 1)
            found[tie] += here * probability  # type: ignore[assignment]
    return tuple((most, count, probability) for (most, count), probability in found.items())


def self_consistency(samples: int, accuracy: float, wrong: int = 3) -> float:
    """Return how often the answer given most often is right; ties are as likely to go either way.

    Args:
        samples: How many samples are drawn.
        accuracy: The probability that one is right.
        wrong: Among how many wrong answers mistakes spread evenly.
    """
    won = 0.0
    for right in range(1, samples + 1):
        here = binomial(right, samples, accuracy)
        for most, count, probability in top(samples - right, wrong):
            share = 1.0 if most < right else 1 / (count + 1) if most == right else 0.0
            won += here * probability * share
    return won


def plurality(agents: int, accuracy: float, skill: float | None) -> float:
    """Return how often a team is right that drafts, votes once, and counts the most votes.

    Each has worded its answer in its own way, so there are as many candidates as agents; a vote
    falls on any of those that its voter takes to be right.

    Args:
        agents: How many there are.
        accuracy: The probability that a draft is right.
        skill: The probability of a vote for a right answer, where there are both; None: chance.
    """
    won = accuracy**agents
    for right in range(1, agents):
        here = binomial(right, agents, accuracy)
        judged = right / agents if skill is None else skill
        for votes in range(agents + 1):
            cast = here * binomial(votes, agents, judged)
            won += cast * _most(top(votes, right), top(agents - votes, agents - right))
    return won


def jury(agents: int, accuracy: float, skill: float) -> float:
    """Return the same where one right and one wrong answer are all there is to vote for.

    That is Condorcet's jury, for an odd number of agents.
    """
    agree = accuracy**agents, (1 - accuracy) ** agents
    majority = sum(binomial(n, agents, skill) for n in range(agents // 2 + 1, agents + 1))
    return agree[0] + (1 - sum(agree)) * majority


def _most(
    right: tuple[tuple[int, int, float], ...], wrong: tuple[tuple[int, int, float], ...]
) -> float:
    """Return how often one of the fullest bins is a right one."""
    return sum(
        p * q * (1.0 if most > least else count / (count + other) if most == least else 0.0)
        for most, count, p in right
        for least, other, q in wrong
    )
