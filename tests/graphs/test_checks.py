from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command

from massgraph import UserError
from massgraph.backends.scripted import ScriptedBackend
from massgraph.compose import CoordinationGraph, TeamState, coordination
from massgraph.nodes.member import Member
from massgraph.nodes.policy import Policy
from massgraph.nodes.state import Outcome, newest_round

NOBODY = ScriptedBackend([{"text": "never"}])
MEMBERS = [Member("alice", NOBODY), Member("bob", NOBODY)]


class Found(TypedDict):
    found: str


class Wider(TeamState, total=False):
    found: str


async def nothing(state: TeamState) -> dict[str, Any]:
    return {}


async def finds(state: TeamState) -> Found:
    return {"found": "it"}


def graph(state: type[TeamState] = TeamState) -> CoordinationGraph:
    return coordination(MEMBERS, Policy(), state=state)


def problem(made: CoordinationGraph) -> str:
    """Return what compiling the graph says."""
    with pytest.raises(UserError) as caught:
        made.compile()
    return str(caught.value)


def test_a_good_graph_is_built() -> None:
    """Every prebuilt wiring passes its own checks."""
    assert graph().compile().name == "team"
    assert graph(Wider).compile().name == "team"


def test_an_unknown_target_is_named() -> None:
    """An edge to a node that is not there tells which one is meant."""
    made = graph()
    made.add_edge("restart", "open_rond")
    assert "there is no node 'open_rond'; did you mean 'open_round'?" in problem(made)


def test_an_unknown_source_is_named() -> None:
    """So does an edge from nowhere."""
    made = graph()
    made.add_edge("critik", "open_round")
    assert "an edge from 'critik' to 'open_round': there is no node 'critik'" in problem(made)


def test_a_node_that_nothing_leads_to_is_refused() -> None:
    """LangGraph itself compiles a node that no run can reach."""
    made = graph()
    made.add_node("critic", nothing)
    made.add_edge("critic", "open_round")
    assert "no edge leads to 'critic': add one, or take the node out" in problem(made)


def test_a_node_that_leads_nowhere_is_refused() -> None:
    """A run that gets there would end in silence."""
    made = graph()
    made.reroute(("restart", "open_round"), "critic")
    made.add_node("critic", nothing)
    assert "the end can't be reached from 'critic': add an edge that leads on" in problem(made)


def test_a_ring_without_a_way_out_is_refused() -> None:
    """Nodes that only lead to each other never end."""
    made = graph()
    made.reroute(("restart", "open_round"), "one")
    made.add_node("one", nothing)
    made.add_node("other", nothing)
    made.add_edge("one", "other")
    made.add_edge("other", "one")
    said = problem(made)
    assert "from 'one'" in said
    assert "from 'other'" in said


async def ruled(state: TeamState) -> Literal["approved", "rejected"]:
    return "approved"


def test_a_verdict_without_an_edge_is_refused() -> None:
    """Every label that a router may return needs a target."""
    made = graph().insert(
        "gate",
        nothing,
        between=("select_winner", "present_final"),
        path=ruled,
        path_map={"approved": "present_final"},
    )
    said = problem(made)
    assert "the verdict 'rejected' of 'gate' has no edge: add it to the path map" in said


def test_an_edge_without_a_verdict_is_refused() -> None:
    """A label that a router never returns is a mistake in one of the two."""
    made = graph().insert(
        "gate",
        nothing,
        between=("select_winner", "present_final"),
        path=ruled,
        path_map={
            "approved": "present_final",
            "rejected": "give_up",
            "postponed": "open_round",
        },
    )
    assert "the label 'postponed' of 'gate' is no verdict of its router" in problem(made)


def test_a_router_without_labels_is_refused() -> None:
    """LangGraph draws such a graph as if it had no edges there."""

    async def anywhere(state: TeamState) -> str:
        return "present_final"

    made = graph().insert(
        "gate", nothing, between=("select_winner", "present_final"), path=anywhere
    )
    assert "the edges of 'gate' have no path map" in problem(made)


def test_a_state_without_our_keys_is_refused() -> None:
    """Nodes of the machine would fail in the middle of a run."""

    class Own(TypedDict):
        messages: Annotated[list[AnyMessage], add_messages]
        outcomes: Annotated[list[Outcome], newest_round]

    with pytest.raises(UserError, match=r"The state Own has no '.*': let it extend TeamState"):
        graph(Own)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [list[Outcome], Annotated[list[Outcome], "newest"]])
def test_a_missing_reducer_is_refused(given: Any) -> None:
    """Agents write their outcomes at the same time."""
    plain = type("Plain", (TeamState,), {"__annotations__": {"outcomes": given}})
    with pytest.raises(UserError) as caught:
        graph(plain)
    assert "'outcomes' of the state Plain is written by several nodes" in str(caught.value)
    assert "Annotated[list[Outcome], newest_round]" in str(caught.value)


def test_two_writers_at_the_same_time_need_a_reducer() -> None:
    """Nodes side by side that say they write one key are told so."""
    made = graph(Wider)
    made.reroute(("ask", "open_round"), "left")
    made.add_node("left", finds)
    made.add_node("right", finds)
    made.add_edge("ask", "right")
    made.add_edge("left", "open_round")
    made.add_edge("right", "open_round")
    said = problem(made)
    assert "'left' and 'right' run at the same time and both write 'found'" in said


def test_subgraphs_at_the_same_time_need_an_output_schema() -> None:
    """A compiled graph writes back all that it shares with the outer one."""
    inner = StateGraph(Wider)
    inner.add_node("find", finds)
    inner.add_edge(START, "find")
    inner.add_edge("find", END)
    made = graph(Wider)
    made.reroute(("ask", "open_round"), "left")
    for name in ("left", "right"):
        made.add_node(name, inner.compile())
        made.add_edge(name, "open_round")
    made.add_edge("ask", "right")
    assert "run at the same time and both write 'answers'" in problem(made)


def test_every_problem_is_told_at_once() -> None:
    """Nobody mends one to be told the next."""
    made = graph()
    made.add_node("one", nothing)
    made.add_node("other", nothing)
    made.add_edge("one", END)
    made.add_edge("other", END)
    said = problem(made)
    assert "'one'" in said
    assert "'other'" in said


async def named(state: TeamState, more: int = 0) -> Literal["approved", "rejected"]:
    return "approved"


class Named:
    async def __call__(self, state: TeamState) -> Literal["approved"] | Literal["rejected"]:
        return "approved"


async def several(state: TeamState) -> list[Literal["approved", "rejected"]]:
    return ["approved"]


@pytest.mark.parametrize("path", [partial(named, more=1), Named(), Named().__call__, several])
def test_verdicts_are_read_however_a_router_is_written(path: Any) -> None:
    """A partial, an object, a method and several labels at once are routers like any other."""
    made = graph().insert(
        "gate",
        nothing,
        between=("select_winner", "present_final"),
        path=path,
        path_map={"approved": "present_final"},
    )
    assert "the verdict 'rejected' of 'gate' has no edge" in problem(made)


def test_one_of_two_writers_needs_no_reducer() -> None:
    """Where a router names one node, its targets do not run side by side."""

    async def side(state: TeamState) -> str:
        return "left"

    made = graph(Wider)
    made.reroute(("ask", "open_round"), "fork")
    made.add_node("fork", nothing)
    for name in ("left", "right"):
        made.add_node(name, finds)
        made.add_edge(name, "open_round")
    made.add_conditional_edges("fork", side, ["left", "right"])
    assert made.compile().name == "team"


def test_a_key_that_the_state_has_not_is_refused() -> None:
    """LangGraph drops what such a node writes, and says nothing."""
    made = graph().insert("finds", finds, between=("ask", "open_round"))
    assert "'finds' writes 'found', which the state has not" in problem(made)


def test_a_command_without_a_target_is_told_how_to_name_it() -> None:
    """Only the node at the cut is told, and not all those behind it."""

    async def jumps(state: TeamState) -> Command[Any]:
        return Command(goto="open_round")

    made = graph()
    made.reroute(("ask", "open_round"), "jumps")
    made.add_node("jumps", jumps)
    said = problem(made)
    assert "say where its Command goes (-> Command[Literal[...]])" in said
    assert "'restart'" not in said


def test_a_join_is_left_alone() -> None:
    """An edge that waits for several nodes is no place to put one."""
    made = graph()
    made.reroute(("ask", "open_round"), "left")
    for name in ("left", "right"):
        made.add_node(name, nothing)
    made.add_edge("ask", "right")
    made.add_edge(["left", "right"], "open_round")
    with pytest.raises(UserError, match="from 'left' to 'open_round' waits for other nodes, too"):
        made.insert("critic", nothing, between=("left", "open_round"))


def test_a_refused_insert_changes_nothing() -> None:
    """Neither a name that is none, nor a path map without a path, leaves half a node."""
    made = graph()
    with pytest.raises(UserError, match=r"The node 'a\|b' can't be added"):
        made.insert("a|b", nothing, between=("ask", "open_round"))
    with pytest.raises(UserError, match="The path map of 'gate' needs a path"):
        made.insert("gate", nothing, between=("ask", "open_round"), path_map={"x": "open_round"})
    with pytest.raises(UserError, match="has a node 'alice' already"):
        made.insert("alice", nothing, between=("ask", "open_round"))
    assert made.compile().name == "team"


def test_a_name_that_is_taken_is_refused() -> None:
    """An agent and a node can't share a name."""
    with pytest.raises(UserError, match="has a node 'alice' already"):
        graph().insert("alice", nothing, between=("ask", "open_round"))


def test_insert_tells_where_edges_lead() -> None:
    """Between two nodes that no edge joins nothing can be put."""
    with pytest.raises(UserError, match=r"No edge leads from 'restart' to 'ask'.*: open_round"):
        graph().insert("critic", nothing, between=("restart", "ask"))


def test_insert_keeps_labels() -> None:
    """The label of a verdict stays on the way to the new node."""
    made = graph().insert("critic", nothing, between=("collect_votes", "select_winner"))
    ends = made.branches["collect_votes"]["judged"].ends
    assert ends is not None
    assert ends["settled"] == "critic"
    assert ("critic", "select_winner") in made.edges
