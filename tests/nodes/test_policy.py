from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from massgraph import UserError
from massgraph.nodes.policy import Policy
from massgraph.nodes.rules import plurality

DEFAULTS: dict[str, Any] = {
    "rule": "plurality",
    "threshold": 2 / 3,
    "weights": {},
    "quorum": 1,
    "self_votes": "allow",
    "tie": "earliest_answer",
    "seed": 0,
    "on_new_answer": "cancel",
    "visibility": "all",
    "visible_peers": None,
    "novelty": "exact",
    "voting_sensitivity": "balanced",
    "max_answers_per_agent": 3,
    "max_debate_rounds": 1,
    "max_unfinished_rounds": 1,
    "idle_timeout_s": 60,
    "call_timeout_s": None,
    "attempts": 3,
    "soft_deadline_s": 240,
    "round_deadline_s": 300,
    "run_deadline_s": 1800,
    "max_calls": None,
    "max_tokens": None,
    "max_cost_usd": None,
    "settle_early": False,
    "final": "present",
    "output_type": None,
    "presenter": None,
    "single": "answer",
    "templates": {},
}
DOCS = Path(__file__).parents[2] / "docs" / "policy.md"


def test_the_keys_of_the_protocol() -> None:
    """A policy has exactly the keys of the protocol, with its defaults."""
    assert Policy().describe() == DEFAULTS


def test_every_key_is_documented() -> None:
    """Each key stands in docs/policy.md: in its table."""
    text = DOCS.read_text(encoding="utf-8").split("\n## ")[0]
    table = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert table == set(DEFAULTS)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rule", "dictator"),
        ("rule", 3),
        ("rule", ""),
        ("threshold", 0),
        ("threshold", 1.01),
        ("threshold", -0.5),
        ("threshold", math.nan),
        ("threshold", "0.5"),
        ("threshold", True),
        ("quorum", 0),
        ("quorum", 0.0),
        ("quorum", 1.5),
        ("quorum", -1),
        ("quorum", math.nan),
        ("quorum", True),
        ("quorum", "1"),
        ("weights", {"alice": -1}),
        ("weights", {"alice": math.inf}),
        ("weights", {"alice": math.nan}),
        ("weights", {"alice": "1"}),
        ("weights", {1: 1}),
        ("weights", ["alice"]),
        ("self_votes", "maybe"),
        ("tie", "coin"),
        ("seed", 0.5),
        ("seed", "0"),
        ("seed", -1),
        ("on_new_answer", "ignore"),
        ("max_answers_per_agent", 0),
        ("max_answers_per_agent", True),
        ("max_debate_rounds", -1),
        ("max_unfinished_rounds", -1),
        ("attempts", 0),
        ("idle_timeout_s", 0),
        ("idle_timeout_s", -1.0),
        ("call_timeout_s", math.inf),
        ("round_deadline_s", math.nan),
        ("round_deadline_s", None),
        ("run_deadline_s", 0),
        ("soft_deadline_s", 301),
        ("final", "sing"),
        ("single", "alone"),
        ("settle_early", 1),
        ("visibility", "rign"),
        ("visibility", "no_such_module:f"),
        ("visibility", "json:__doc__"),
        ("visibility", 3),
        ("visible_peers", 0),
        ("visible_peers", 1),
        ("novelty", 0.0),
        ("novelty", 1.0),
        ("novelty", "close"),
        ("novelty", True),
        ("voting_sensitivity", "harsh"),
        ("templates", {"frist": "x"}),
        ("templates", {"first": 1}),
        ("templates", ["first"]),
        ("unheard_of", 1),
    ],
)
def test_what_is_wrong_is_refused_by_name(key: str, value: Any) -> None:
    """Wrong types, infinities, what is out of bounds and unknown keys are refused."""
    with pytest.raises(UserError, match=rf"^Policy: .*\b{key}\b"):
        Policy(**{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quorum", 1),
        ("rule", "majority"),
        ("rule", "supermajority"),
        ("rule", "unanimity"),
        ("rule", "borda"),
        ("rule", "ranked"),
        ("rule", "massgraph.nodes.rules:borda"),
        ("threshold", 0.01),
        ("threshold", 0.5),
        ("threshold", 1),
        ("quorum", 0.01),
        ("quorum", 0.99),
        ("quorum", 7),
        ("weights", {"alice": 0, "bob": 2.5}),
        ("seed", 7),
        ("max_debate_rounds", 0),
        ("max_unfinished_rounds", 0),
        ("max_answers_per_agent", 1),
        ("attempts", 1),
        ("idle_timeout_s", None),
        ("idle_timeout_s", 1),
        ("soft_deadline_s", 300),
        ("final", "reuse"),
        ("tie", "random"),
        ("tie", "registration"),
        ("self_votes", "forbid"),
        ("on_new_answer", "finish"),
        ("single", "coordinate"),
        ("visibility", "ring"),
        ("visibility", "random"),
        ("visibility", "none"),
        ("novelty", "strict"),
        ("novelty", "lenient"),
        ("novelty", 0.01),
        ("voting_sensitivity", "strict"),
        ("voting_sensitivity", "lenient"),
        ("templates", {"first": "Go."}),
    ],
)
def test_what_is_right_is_kept(key: str, value: Any) -> None:
    """Bounds are allowed themselves, and whole numbers of seconds are numbers."""
    assert Policy(**{key: value}).describe() == {**DEFAULTS, key: value}


def test_all_problems_at_once() -> None:
    """A policy that is wrong in several places says so in one line."""
    with pytest.raises(UserError) as caught:
        Policy(attempts=0, tie="coin", colour="red", rule="lottery")
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in ("attempts:", "tie:", "colour: unknown key", "rule:"))


def test_a_rule_of_ones_own() -> None:
    """A function is a rule, and is described by its name."""
    policy = Policy(rule=plurality)
    assert policy.rule is plurality
    assert policy.describe()["rule"] == "plurality"


def test_a_policy_never_changes() -> None:
    """A policy is what it was when it was made."""
    with pytest.raises(ValueError, match="frozen"):
        Policy().attempts = 5


@pytest.mark.parametrize(
    ("keys", "share"),
    [
        ({}, 0.8),
        ({"round_deadline_s": 10}, 0.8),
        ({"round_deadline_s": 480}, 0.5),
        ({"soft_deadline_s": 5, "round_deadline_s": 10}, 0.5),
        ({"soft_deadline_s": 10, "round_deadline_s": 10}, 1),
    ],
)
def test_the_soft_deadline_comes_before_the_hard_one(keys: dict[str, Any], share: float) -> None:
    """Where a round is shorter than the soft deadline, that one is four fifths of it."""
    assert Policy(**keys).soft_share == pytest.approx(share)


def test_a_graph_s_defaults_give_way_to_what_is_said() -> None:
    """A key that is left open, also by None, is the graph's to fill; what else is None stays so."""
    policy = Policy(rule="borda", presenter=None, idle_timeout_s=None)
    filled = policy.filled(rule="ranked", presenter="zoe", final="synthesize")
    assert (filled.rule, filled.presenter, filled.final) == ("borda", "zoe", "synthesize")
    assert filled.idle_timeout_s is None
