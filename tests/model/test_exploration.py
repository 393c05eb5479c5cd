"""The protocol itself, as a model, keeps its invariants in every state that can be reached."""

from __future__ import annotations

import pytest

from .explore import BrokenRuleError, explore
from .mutants import MUTANTS, SelfVotesAllowed
from .protocol import Config, Protocol
from .rounds import Rounds
from .sizes import ROUND_BY_ROUND, STEP_BY_STEP


@pytest.mark.parametrize("config", STEP_BY_STEP)
def test_every_invariant_holds_step_by_step(config: Config) -> None:
    """Both ways of exploring visit the same states, and in none of them anything is wrong."""
    found = explore(Protocol(config))
    assert found.borders == Rounds(Protocol(config)).explore().borders


@pytest.mark.parametrize("config", ROUND_BY_ROUND)
def test_every_invariant_holds_from_round_to_round(config: Config) -> None:
    """Larger teams; `python -m tests.model` explores all of them."""
    found = Rounds(Protocol(config)).explore()
    rounds = config.agents * config.answers + config.debates + 1
    assert 1 < found.longest <= rounds * (config.unfinished + 1), "L1: so many rounds at most"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_is_found(mutant: type[Protocol]) -> None:
    """With any rule of the model broken, a shortest way to what is wrong is told, line by line."""
    votes = "forbid" if mutant is SelfVotesAllowed else "allow"
    with pytest.raises(BrokenRuleError) as caught:
        explore(mutant(Config(2, 2, rule="majority", self_votes=votes)))
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + len(caught.value.way) <= 11
    assert lines[1].split()[:2] == ["start", "round"]


def test_a_counterexample_reads_like_a_story() -> None:
    """Who does what, and all that matters of the state after it."""
    (mutant,) = [m for m in MUTANTS if m.__name__ == "FirstDraftStopped"]
    with pytest.raises(BrokenRuleError) as caught:
        explore(mutant(Config(2, 1)))
    assert str(caught.value) == STORY


STORY = """\
the first draft of agent 1 was stopped
  start            round 1 epoch 1 opened 1 | answers (0, 0) drafts (0, 0) | votes - - | \
thinking thinking
  write 0          round 1 epoch 1 opened 1 | answers (0, 0) drafts (0, 0) | votes - - | \
writing thinking
  answer 0         round 1 epoch 1 opened 1 | answers (0, 0) drafts (0, 0) | votes - - | \
answer:0 interrupted"""
