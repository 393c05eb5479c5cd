"""One agent alone: it answers, and its answer stands."""

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
from .transitions import AnswerVerdict, answer_verdict


def single(
    members: Sequence[Member],
    policy: Policy,
    *,
    name: str = "single",
    state: type[TeamState] = TeamState,
) -> CoordinationGraph:
    """Build the graph of one agent: what a team is to be compared with.

    Args:
        members: The agent.
        policy: Its limits; no votes are cast.
        name: The graph's name.
        state: TeamState, or a person's extension of it.

    Raises:
        UserError: When there is not exactly one agent.
    """
    check_size(name, members, exactly=1)
    policy = policy.model_copy(update={"single": "answer"})
    graph = CoordinationGraph(members, policy, name=name, state=state)
    agent, desk = members[0].id, graph.desk

    async def judged(state: TeamState) -> AnswerVerdict:
        return answer_verdict(state, policy)

    graph.add_node("ask", ask(members, policy, desk, name, phase="answer"))
    graph.add_node("open_round", open_round(desk))
    graph.add_node(agent, agent_node(members[0], policy, desk))
    graph.add_node("collect_answer", collect_votes(policy, desk))
    graph.add_node("publish", restart(desk))
    graph.add_node("select_winner", select_winner(policy, desk))
    graph.add_node("present_final", present_final(graph.by_id, policy, desk))
    graph.add_node("give_up", give_up(desk))

    graph.add_edge(START, "ask")
    graph.add_edge("ask", "open_round")
    graph.add_edge("open_round", agent)
    graph.add_edge(agent, "collect_answer")
    graph.add_conditional_edges(
        "collect_answer",
        judged,
        {"new_answer": "publish", "unfinished": "open_round", "no_answer": "give_up"},
    )
    graph.add_edge("publish", "select_winner")
    graph.add_edge("select_winner", "present_final")
    graph.add_edge("present_final", END)
    graph.add_edge("give_up", END)
    return graph
