"""Intervals of 95 % for shares, and for differences between shares of the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

Z = 1.959964
"""The two-sided 95 % point of the normal distribution."""


def wilson(successes: int, trials: int, z: float = Z) -> tuple[float, float]:
    """Return the interval of a share.

    (Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.)
    """
    share, square = successes / trials, z * z / trials
    middle = share + square / 2
    half = z * sqrt(share * (1 - share) / trials + square / (4 * trials))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def paired(one: Sequence[bool], other: Sequence[bool], z: float = Z) -> tuple[float, float, float]:
    """Return how much larger a share is than another of the same questions, with its interval.

    (Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data", Journal of Educational and Behavioral Statistics 37, 2012.)
    """
    pairs = list(zip(one, other, strict=True))
    n = len(pairs) + 2
    gained = (sum(a and not b for a, b in pairs) + 1) / n
    lost = (sum(b and not a for a, b in pairs) + 1) / n
    half = z * sqrt((gained + lost - (gained - lost) ** 2) / n)
    difference = (sum(one) - sum(other)) / len(pairs)
    return difference, gained - lost - half, gained - lost + half
