from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from massgraph import UserError
from massgraph.graphs.names import MACHINE_NODES, RESERVED, TURN_NODES, id_problem
from massgraph.graphs.shape import Shape, shape
from massgraph.graphs.transitions import TurnVerdict, Verdict
from massgraph.nodes.events import VerdictName

from .teams import NAMES, team

MACHINE = {
    ("__start__", "ask", None),
    ("ask", "open_round", None),
    ("open_round", "alice", "?"),
    ("open_round", "bob", "?"),
    ("open_round", "carol", "?"),
    ("alice", "collect_votes", None),
    ("bob", "collect_votes", None),
    ("carol", "collect_votes", None),
    ("collect_votes", "restart", "new_answer"),
    ("collect_votes", "open_round", "unfinished"),
    ("collect_votes", "debate", "no_consensus"),
    ("collect_votes", "select_winner", "settled"),
    ("collect_votes", "give_up", "no_answer"),
    ("restart", "open_round", None),
    ("debate", "open_round", None),
    ("select_winner", "present_final", None),
    ("present_final", "__end__", None),
    ("give_up", "__end__", None),
}
TURN = {
    ("__start__", "think", None),
    ("think", "act", "acted"),
    ("think", "enforce", "no_action"),
    ("think", "use_tools", "tool_calls"),
    ("enforce", "think", None),
    ("use_tools", "think", None),
    ("act", "__end__", None),
}

teams = pytest.mark.parametrize("size", range(1, 11))


def edges(drawn: Shape, inside: str = "") -> set[tuple[str, str, str | None]]:
    return {
        (
            edge["source"].removeprefix(inside),
            edge["target"].removeprefix(inside),
            edge["label"] or ("?" if edge["conditional"] else None),
        )
        for edge in drawn["edges"]
    }


def labels(drawn: Shape) -> list[str]:
    return sorted(edge["label"] for edge in drawn["edges"] if edge["label"])


def opened(drawn: Shape) -> Iterator[Shape]:
    for node in drawn["nodes"]:
        if "graph" in node:
            yield node["graph"]


def reached(drawn: Shape, start: str, *, backwards: bool = False) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for edge in drawn["edges"]:
            ends = edge["source"], edge["target"]
            source, target = ends[::-1] if backwards else ends
            if source == here and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def test_the_machine_is_this() -> None:
    """The edges of a team of three are exactly those of the protocol."""
    assert edges(shape(team("alice", "bob", "carol"))) == MACHINE


def test_a_turn_is_this() -> None:
    """The edges of an agent's turn are exactly those of the protocol."""
    (alice,) = opened(shape(team("alice")))
    assert edges(alice, inside="alice:") == TURN


@teams
def test_every_verdict_is_drawn_once(size: int) -> None:
    """The labels drawn are the verdicts, all of them, each one once."""
    drawn = shape(team(*NAMES[:size]))
    assert labels(drawn) == sorted(get_args(Verdict))
    assert [labels(agent) for agent in opened(drawn)] == [sorted(get_args(TurnVerdict))] * size


def test_events_speak_of_the_same_verdicts() -> None:
    """The vocabulary of events and the edges of the machine name the same verdicts."""
    assert set(get_args(VerdictName)) == set(get_args(Verdict))


@teams
def test_no_label_is_a_node(size: int) -> None:
    """A label that is a node's name, too, would not be drawn."""
    drawn = shape(team(*NAMES[:size]))
    for graph in (drawn, *opened(drawn)):
        names = {node["name"] for node in graph["nodes"]}
        assert names.isdisjoint(labels(graph))


@teams
def test_no_dead_end(size: int) -> None:
    """Every node is reached from the start, and the end from every node."""
    drawn = shape(team(*NAMES[:size]))
    for graph in (drawn, *opened(drawn)):
        ids = {node["id"] for node in graph["nodes"]}
        inside = graph["nodes"][0]["id"].removesuffix("__start__")
        assert reached(graph, inside + "__start__") == ids
        assert reached(graph, inside + "__end__", backwards=True) == ids


@teams
def test_agents_stand_in_order(size: int) -> None:
    """Each agent is one node, in registration order, and opens into its turn."""
    drawn = shape(team(*NAMES[:size]))
    assert [n["name"] for n in drawn["nodes"] if n["kind"] == "graph"] == list(NAMES[:size])
    assert len(list(opened(drawn))) == size


def test_closed_without_xray() -> None:
    """Without xray the same machine is drawn, with closed agents."""
    assert edges(shape(team("alice", "bob", "carol"), xray=False)) == MACHINE
    assert list(opened(shape(team(*NAMES), xray=False))) == []


def test_first_opens_one_of_each_kind() -> None:
    """`first` opens one of the agents that look the same inside."""
    drawn = shape(team(*NAMES), xray="first")
    assert [n["name"] for n in drawn["nodes"] if "graph" in n] == ["alice"]


def test_ids_are_unique_in_the_whole_shape() -> None:
    """No two boxes share an id, at any depth."""
    drawn = shape(team(*NAMES))
    ids = [n["id"] for graph in (drawn, *opened(drawn)) for n in graph["nodes"]]
    assert len(ids) == len(set(ids))


def test_reserved_names_are_those_of_the_machine() -> None:
    """No agent can take the name of a node of the machine, or of a turn."""
    drawn = shape(team("alice"))
    names = {n["name"] for g in (drawn, *opened(drawn)) for n in g["nodes"]} - {"alice"}
    assert names - {"START", "END"} == {*MACHINE_NODES, *TURN_NODES}
    assert {name.lower() for name in names} <= RESERVED


@pytest.mark.parametrize("name", [*sorted(RESERVED), "END", "Subgraph", "Ask"])
def test_taken_names_are_refused(name: str) -> None:
    """An agent cannot have a name that means something already, in any case of letters."""
    assert id_problem(name)
    with pytest.raises(UserError, match="taken by the machine"):
        team("alice", name)


@pytest.mark.parametrize(
    "name",
    ["", "a|b", "a:b", "a b", "1st", "_a", "-a", "a.b", "ä", "a\n", 'a"b', "a" * 65, "__end__"],
)
def test_unfit_names_are_refused(name: str) -> None:
    """An agent cannot have a name that breaks the graph, a file or a drawing."""
    with pytest.raises(UserError, match="can't be an agent's id"):
        team(name)


@pytest.mark.parametrize(("ids", "why"), [((), "at least one"), (("bob", "Bob"), "case")])
def test_teams_are_refused(ids: tuple[str, ...], why: str) -> None:
    """A team has agents, whose names differ by more than case."""
    with pytest.raises(UserError, match=why):
        team(*ids)
