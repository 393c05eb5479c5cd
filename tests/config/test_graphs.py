"""The `graph:` of a config: its options, graphs of one's own, and whose fault a misfit is."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import AGENT, TEAM, Load, Refused

OWN = """
def no_key(one, two): ...
def broken(members, policy): raise ValueError("no graph today")
def blind(sight): raise KeyError("x")
NUMBER = 5
"""


@pytest.fixture(autouse=True)
def own(folder: Path) -> None:
    """Write a module with what is no graph, no key and no visibility."""
    (folder / "own_misfits.py").write_text(OWN)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("graph: {type: self_consistency, samples: 101}", "2:42: samples must be 100 or less"),
        ("graph: {type: mixture, layers: 101}", "2:32: layers must be 100 or less"),
        ("graph: {type: 'own_misfits:broken'}", "2:15: a graph of your own has no options here: write graph: own_misfits:broken"),
        ("graph: {type: self_consistency, key: 'own_misfits:NUMBER'}", "2:38: 'own_misfits:NUMBER' is no function of one text: 5 is not a callable object"),
        ("graph: {type: self_consistency, key: 'own_misfits:no_key'}", "2:38: 'own_misfits:no_key' is no function of one text: missing a required argument: 'two'"),
        ("graph: own_misfits:broken", "2:8: The graph factory 'broken' failed: ValueError: no graph today"),
        ("policy: {visibility: 'own_misfits:blind'}", "2:22: The visibility function raised KeyError: 'x'. It was tried for 'a'."),
    ],
)  # fmt: skip
def test_what_does_not_fit(text: str, problem: str, refused: Refused) -> None:
    """It is told at the key that has to be changed."""
    assert refused(f"{TEAM}{text}\n") == [problem]


def test_a_policy_that_a_graph_refuses(refused: Refused) -> None:
    """It is told at the policy's key, not at the graph's."""
    team = f"agents: [{AGENT}, {AGENT.replace('id: a', 'id: b')}]\n"
    assert refused(f"{team}graph: mixture\npolicy: {{final: reuse}}\n") == [
        "3:17: A mixture's aggregator synthesizes; final can't be 'reuse'."
    ]


def test_samples_have_ids_of_their_own(load: Load, refused: Refused) -> None:
    """A policy names the samples, not the agent that they are of."""
    text = f"{TEAM}graph: {{type: self_consistency, samples: 2}}\n"
    assert load(f"{text}policy: {{weights: {{a_2: 2}}}}\n").policy.weights == {"a_2": 2}
    assert refused(f"{text}policy: {{weights: {{a: 2}}}}\n") == [
        "3:19: weights names 'a', who is not in the team (a_1, a_2)."
    ]
