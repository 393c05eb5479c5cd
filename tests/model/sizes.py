"""Which teams and policies are explored, and from which ones traces are taken."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Literal

from .protocol import Config

STEP_BY_STEP = (
    Config(1, 3),
    Config(1, 2, single="answer"),
    Config(2, 1, on_new_answer="finish", self_votes="forbid"),
    Config(2, 1, self_votes="ignore", quorum=2, debates=0),
    Config(2, 2, rule="majority", unfinished=0),
)
"""Explored in every test run, both ways."""

ROUND_BY_ROUND = (
    Config(2, 3, quorum=0.9),
    Config(2, 3, on_new_answer="finish", rule="unanimity", debates=2),
    Config(3, 1, unfinished=0, limits=False),
)
"""Explored in every test run, from round to round."""


LARGE = (Config(3, 3), Config(4, 1))
"""Explored by `python -m tests.model`, besides the small ones."""
MODES: tuple[Literal["cancel", "finish"], ...] = ("cancel", "finish")


def everything() -> Iterator[Config]:
    """Give out all that `python -m tests.model --all` explores, the small ones first."""
    yield from (*STEP_BY_STEP, *ROUND_BY_ROUND)
    for agents, answers in ((1, 3), (2, 3), (3, 1)):
        yield from variants(agents, answers)
    for mode, (debates, unfinished) in product(MODES, ((0, 0), (1, 1))):
        yield Config(3, 2, mode, debates, unfinished, rule="majority")
    for config, mode in product(LARGE, MODES):
        yield config._replace(on_new_answer=mode)


def variants(agents: int, answers: int) -> Iterator[Config]:
    """Give out a team under all policies that the model knows."""
    for mode, debates, unfinished in product(MODES, (0, 1), (0, 1)):
        plain = Config(agents, answers, mode, debates, unfinished)
        for quorum in (1, 2):
            yield plain._replace(quorum=quorum)
            yield plain._replace(quorum=quorum, self_votes="ignore")
            yield plain._replace(quorum=quorum, self_votes="forbid")
        yield plain._replace(rule="majority")
        yield plain._replace(rule="unanimity")


COVERED = (
    Config(1, 2),
    Config(1, 1, single="answer"),
    Config(2, 2, rule="majority"),
    Config(2, 2, on_new_answer="finish", self_votes="ignore", quorum=2),
    Config(3, 2),
    Config(3, 1, self_votes="forbid", quorum=0.6),
)
"""Of each of these, every kind of step that is met early is in a trace."""

DRAWN = (
    Config(3, 3),
    Config(3, 3, on_new_answer="finish", rule="majority"),
    Config(2, 3, self_votes="ignore", debates=2),
    Config(4, 1, rule="majority"),
    Config(3, 2, self_votes="forbid", quorum=2, unfinished=0),
    Config(4, 2, on_new_answer="finish", quorum=0.5, unfinished=2),
    Config(3, 2, rule="unanimity", debates=0),
    Config(1, 3),
)
"""Traces are drawn by lot from these, in turn."""
