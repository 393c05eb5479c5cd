"""Council: everybody answers alone, all rank the answers without names, and a chair presents."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.graph import END, START

from ..nodes.ask import ask
from ..nodes.collect_votes import collect_votes
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
from .transitions import RankingVerdict, asked_agents, ranking_verdict


def council(
    members: Sequence[Member],
    policy: Policy,
    *,
    name: str = "council",
    state: type[TeamState] = TeamState,
) -> CoordinationGraph:
    """Build the graph of a council.

    Unless the policy says otherwise, rankings are counted by Borda's rule, and the chair, who
    writes the final answer from all of them, is the agent registered last (`presenter`).

    Args:
        members: The council, in registration order; two agents at least.
        policy: How it coordinates.
        name: The graph's name.
        state: TeamState, or a person's extension of it.

    Raises:
        UserError: When there are too few agents, or their ids or the policy do not fit.
    """
    check_size(name, members, least=2)
    policy = policy.filled(rule="borda", final="synthesize", max_debate_rounds=0)
    if policy.final == "synthesize":
        policy = policy.filled(presenter=members[-1].id)
    graph = CoordinationGraph(members, policy, name=name, state=state)
    ids, desk = list(graph.by_id), graph.desk

    async def asked(state: TeamState) -> list[str]:
        return asked_agents(state)

    async def judged(state: TeamState) -> RankingVerdict:
        return ranking_verdict(state, policy)

    graph.add_node("ask", ask(members, policy, desk, name, phase="answer"))
    graph.add_node("open_round", open_round(desk))
    for member in members:
        graph.add_node(member.id, agent_node(member, policy, desk))
    graph.add_node("collect_votes", collect_votes(policy, desk), defer=True)
    graph.add_node("publish", restart(desk, then="vote"))
    graph.add_node("select_winner", select_winner(policy, desk))
    graph.add_node("chair", present_final(graph.by_id, policy, desk))
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
            "settled": "select_winner",
            "no_answer": "give_up",
        },
    )
    graph.add_edge("publish", "open_round")
    graph.add_edge("select_winner", "chair")
    graph.add_edge("chair", END)
    graph.add_edge("give_up", END)
    return graph
