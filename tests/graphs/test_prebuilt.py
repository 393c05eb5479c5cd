from __future__ import annotations

from collections.abc import Iterator

import pytest

from massgraph import Agent, Team, UserError
from massgraph.backends.local import LocalBackend
from massgraph.backends.scripted import ScriptedBackend
from massgraph.graphs.composition import CoordinationGraph
from massgraph.graphs.drawing import mermaid
from massgraph.graphs.names import GRAPHS
from massgraph.graphs.prebuilt import PREBUILT, check_factory, graph_factory
from massgraph.graphs.shape import Shape, shape
from massgraph.nodes.policy import Policy

ONE = {"single", "self_consistency"}
QUICK = ("single",)
"""Graphs that make few calls; `make demo`, which the tests of the documentation run, is a team."""
SLOW = tuple(name for name in GRAPHS if name not in QUICK)


def agents_of(name: str) -> tuple[str, ...]:
    return ("alice",) if name in ONE else ("alice", "bob", "carol")


def labels(drawn: Shape) -> Iterator[str]:
    for arrow in drawn["edges"]:
        if arrow["label"]:
            yield arrow["label"]


def test_configs_know_every_graph() -> None:
    """The names that configs take are those that there are."""
    assert tuple(PREBUILT) == GRAPHS


@pytest.mark.parametrize("name", GRAPHS)
def test_every_label_is_drawn(name: str) -> None:
    """A prebuilt graph's drawing shows each labelled edge of its wiring, and each node."""
    graph: CoordinationGraph = check_factory(PREBUILT[name], agents_of(name), Policy())
    wired = {
        str(label)
        for branches in graph.branches.values()
        for branch in branches.values()
        for label, end in (branch.ends or {}).items()
        if label != end
    }
    drawn = shape(graph.compile(), xray=False)
    assert set(labels(drawn)) == wired
    assert {"new_answer", "no_answer"} <= wired
    text = mermaid(graph.compile(), xray=False)
    assert all(f'|"{label}"|' in text for label in wired)
    assert {box["name"] for box in drawn["nodes"]} == {*graph.nodes, "START", "END"}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.soak) for n in SLOW)])
def test_every_graph_answers_on_the_embedded_model(name: str) -> None:
    """A real model, small as it is, gets through every prebuilt graph to an answer."""
    policy = Policy(max_answers_per_agent=2, max_debate_rounds=1)
    members = [
        Agent(agent, LocalBackend(max_tokens=24, temperature=0.4)) for agent in agents_of(name)[:2]
    ]
    result = Team(members, policy, graph=name).run("What is the capital of France?")
    assert result.outcome == "settled"
    assert result.answer
    assert not result.failures
    assert result.total.output_tokens > 0


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_answers_from_a_script(name: str) -> None:
    """So does a script, which acts by what it is offered."""
    turns = [
        {"new_answer": "Paris.", "when": "no_answers"},
        {"vote": "first", "when": "answers"},
        {"text": "It is Paris.", "when": "present"},
    ]
    members = [Agent(agent, ScriptedBackend(turns)) for agent in agents_of(name)]
    result = Team(members, graph=name).run("What is the capital of France?")
    assert result.outcome == "settled"
    assert result.answer in ("Paris.", "It is Paris.")


def test_an_unknown_graph_is_refused() -> None:
    """A misspelt name tells which one is meant."""
    with pytest.raises(UserError, match="There is no graph 'debat'; did you mean 'debate'"):
        graph_factory("debat")


def test_what_is_no_graph_is_refused() -> None:
    """A compiled graph, or anything else, is told where it belongs."""
    with pytest.raises(UserError, match=r"A compiled graph goes to Team.from_graph"):
        graph_factory(42)  # type: ignore[arg-type]
    backend = ScriptedBackend([{"text": "never"}])
    with pytest.raises(UserError, match="returned NoneType, not a CoordinationGraph"):
        Team([Agent("alice", backend)], graph=lambda *_: None)  # type: ignore[arg-type,return-value]


def test_a_factory_that_breaks_is_named() -> None:
    """What a person's own function raises is told when the team is made."""

    def broken(members: object, policy: object) -> CoordinationGraph:
        raise KeyError("archive")

    agents = [Agent("alice", ScriptedBackend([{"text": "never"}]))]
    with pytest.raises(UserError, match="The graph factory 'broken' failed: KeyError: 'archive'"):
        Team(agents, graph=broken)


def test_a_team_is_called_like_its_graph() -> None:
    """Unless it is given another name."""
    backend = ScriptedBackend([{"text": "never"}])
    agents = [Agent(name, backend) for name in ("alice", "bob")]
    assert Team(agents, graph="debate").name == "debate"
    assert Team(agents, graph="debate", name="senate").name == "senate"
