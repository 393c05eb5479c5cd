"""Values over those of a config."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import pytest

from massgraph.config import ConfigError, Override

from .conftest import AGENT, TEAM, Load, Refused

TWO = f"agents: [{AGENT}, {AGENT.replace('id: a', 'id: bob')}]\n"


def test_by_id_and_by_index(load: Load) -> None:
    """Agents are named by id or by index."""
    team = load(TWO, "agents.bob.system_message=You are: bob # 2", "agents.0.id=alice")
    assert [(a.id, a.system_message) for a in team.agents] == [("alice", ""), ("bob", "You are: bob # 2")]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("policy.seed=7", "seed", 7),
        ("policy.quorum=0.5", "quorum", 0.5),
        ("policy.tie=random", "tie", "random"),
        ("policy.call_timeout_s=null", "call_timeout_s", None),
        ("policy.weights={a: 2}", "weights", {"a": 2}),
        ("policy.weights.a=2", "weights", {"a": 2}),
        ("policy.tie='random'", "tie", "random"),
    ],
)
def test_values(text: str, key: str, value: object, load: Load) -> None:
    """A value is plain or quoted text, a number, a list or a mapping, as in YAML."""
    assert getattr(load(TEAM, text).policy, key) == value


def test_the_last_one_counts(load: Load) -> None:
    """Of two values for a place, the later one is taken."""
    assert load(TEAM, "policy.seed=1", "policy.seed=2").policy.seed == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policy.seed", "--set: write it as key.path=value"),
        ("policy..seed=1", "--set: write it as key.path=value"),
        ("policy.seed=x", "--set policy.seed: seed must be a whole number"),
        ("policy.sed=1", "--set policy.sed: unknown key 'sed'; did you mean 'seed'?"),
        ("polcy.seed=1", "--set polcy.seed: unknown key 'polcy'; did you mean 'policy'?"),
        ("policy={sed: 1}", "--set policy: unknown key 'sed'; did you mean 'seed'?"),
        ("policy.seed=.inf", "--set policy.seed: a number must be finite"),
        ("policy.seed=[.inf]", "--set policy.seed: a number must be finite"),
        ("policy.seed=" + "9" * 5000, "--set policy.seed: the number has too many digits"),
        ("policy.attempts=" + "9" * 400, "--set policy.attempts: the number is too large"),
        ("policy.seed=[1", "--set policy.seed: not YAML: did not find expected ',' or ']' while parsing a flow sequence"),
        ("policy.seed={a: 1, a: 2}", "--set policy.seed: the key 'a' is there already, in line 1"),
        ("policy.seed=!x 1", "--set policy.seed: seed must be a whole number"),
        ("policy.seed=\ud800", "--set policy.seed: the value is not UTF-8 text"),
        ("agents.bobb.id=c", "--set agents.bobb.id: there is no agent 'bobb'; did you mean 'bob'?"),
        ("agents.2.id=c", "--set agents.2.id: there is no agent '2'; known: a, bob"),
        ("agents.a.id.x=c", "--set agents.a.id.x: agents.0.id is no mapping"),
        ("agents.a.backend.turns.7=c", "--set agents.a.backend.turns.7: '7' is not the index of one of its 1 items"),
    ],
)  # fmt: skip
def test_refusals(text: str, problem: str, refused: Refused) -> None:
    """What is wrong with an override is told by the override's name."""
    assert [p.split("; known: attempts")[0] for p in refused(TWO, text)] == [problem]


def test_a_value_is_not_repeated() -> None:
    """An override without a value may be a key that was misplaced."""
    with pytest.raises(ConfigError) as caught:
        Override.parse("sk-secret")
    assert "secret" not in str(caught.value)


def test_agents_of_a_config_with_one_agent(refused: Refused) -> None:
    """Whoever writes `agents` there is told what to write."""
    text = "agent: {id: alice, backend: {type: scripted, turns: [{new_answer: x}]}}"
    assert refused(text, "agents.alice.backend.x=1") == [
        "--set agents.alice.backend.x: this config has one 'agent'; write agent.backend.x"
    ]
