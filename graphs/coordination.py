"""The coordination machine: the whole protocol on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.graph import END, START

from ..nodes.ask import ask
from ..nodes.collect_votes import collect_votes
from ..nodes.debate import debate
from ..nodes.give_up import give_up
from ..nodes.member import Member
from ..nodes.open_round import open_round
from ..nodes.policy import Policy
from ..nodes.present_final import present_final
from ..nodes.restart import restart
from ..nodes.select_winner import select_winner
from ..nodes.state import TeamState
from .agent import agent_node
from .composition import CoordinationGraph
from .transitions import Verdict, asked_agents, verdict


def coordination(
    members: Sequence[Member],
    policy: Policy,
    *,
    name: str = "team",
    state: type[TeamState] = TeamState,
) -> CoordinationGraph:
    """Build the machine that coordinates a team: answers and votes until the votes stand.

    Args:
        members: The team, in registration order.
        policy: How it coordinates.
        name: The graph's name.
        state: TeamState, or a person's extension of it.

    Raises:
        UserError: When there are no members, their ids do not fit, or the policy names others.
    """
    graph = CoordinationGraph(members, policy, name=name, state=state)
    ids, desk = list(graph.by_id), graph.desk

    async def asked(state: TeamState) -> list[str]:
        return asked_agents(state)

    async def judged(state: TeamState) -> Verdict:
        return verdict(state, policy)

    graph.add_node("ask", ask(members, policy, desk, name))
    graph.add_node("open_round", open_round(desk))
    for member in members:
        graph.add_node(member.id, agent_node(member, policy, desk))
    graph.add_node("collect_votes", collect_votes(policy, desk), defer=True)
    graph.add_node("restart", restart(desk))
    graph.add_node("debate", debate(policy, desk))
    graph.add_node("select_winner", select_winner(policy, desk))
    graph.add_node("present_final", present_final(graph.by_id, policy, desk))
    graph.add_node("give_up", give_up(desk))

    graph.add_edge(START, "ask")
    graph.add_edge("ask", "open_round")
    graph.add_conditional_edges("open_round", asked, ids)
    for agent in ids:
        graph.add_edge(agent, "collect_votes")
    graph.add_conditional_edges(
        "collect_votes",
        judged,
        {
            "new_answer": "restart",
            "no_consensus": "debate",
            "unfinished": "open_round",
            "settled": "select_winner",
            "no_answer": "give_up",
        },
    )
    graph.add_edge("restart", "open_round")
    graph.add_edge("debate", "open_round")
    graph.add_edge("select_winner", "present_final")
    graph.add_edge("present_final", END)
    graph.add_edge("give_up", END)
    return graph
