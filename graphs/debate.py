"""Debate: everybody drafts alone, then all vote; without consensus reasons are shown, and argued.

New answers come from drafts and debates only: a round of votes is about votes.
"""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.graph import END, START

from ..nodes.ask import ask
from ..nodes.collect_votes import collect_votes
from ..nodes.debate import debate as show_ballots
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
from .names import check_size
from .transitions import Verdict, asked_agents, verdict


def debate(
    members: Sequence[Member],
    policy: Policy,
    *,
    name: str = "debate",
    state: type[TeamState] = TeamState,
) -> CoordinationGraph:
    """Build the graph of a team that debates until enough of it agree.

    Unless the policy says otherwise, two thirds must agree (`rule: supermajority`, `threshold`),
    and there are at most three debates; after them the most votes win.

    Args:
        members: The team, in registration order; two agents at least.
        policy: How it coordinates.
        name: The graph's name.
        state: TeamState, or a person's extension of it.

    Raises:
        UserError: When there are too few agents, or their ids or the policy do not fit.
    """
    check_size(name, members, least=2)
    policy = policy.filled(rule="supermajority", max_debate_rounds=3)
    graph = CoordinationGraph(members, policy, name=name, state=state)
    ids, desk = list(graph.by_id), graph.desk

    async def asked(state: TeamState) -> list[str]:
        return asked_agents(state)

    async def judged(state: TeamState) -> Verdict:
        return verdict(state, policy)

    graph.add_node("ask", ask(members, policy, desk, name, phase="answer"))
    graph.add_node("open_round", open_round(desk))
    for member in members:
        graph.add_node(member.id, agent_node(member, policy, desk))
    graph.add_node("collect_votes", collect_votes(policy, desk), defer=True)
    graph.add_node("publish", restart(desk, then="vote"))
    graph.add_node("show_ballots", show_ballots(policy, desk, then="coordinate"))
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
            "new_answer": "publish",
            "unfinished": "open_round",
            "no_consensus": "show_ballots",
            "settled": "select_winner",
            "no_answer": "give_up",
        },
    )
    graph.add_edge("publish", "open_round")
    graph.add_edge("show_ballots", "open_round")
    graph.add_edge("select_winner", "present_final")
    graph.add_edge("present_final", END)
    graph.add_edge("give_up", END)
    return graph
