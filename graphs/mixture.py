"""Mixture: layers of proposers, each of which sees the answers of the last; then an aggregator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from langgraph.graph import END, START

from ..backends.errors import UserError
from ..nodes.appoint import appoint
from ..nodes.ask import ask
from ..nodes.collect_votes import collect_votes
from ..nodes.give_up import give_up
from ..nodes.member import Member
from ..nodes.open_round import open_round
from ..nodes.policy import Policy
from ..nodes.present_final import present_final
from ..nodes.restart import restart
from ..nodes.state import TeamState
from .agent import agent_node
from .composition import CoordinationGraph
from .names import check_size
from .transitions import LayerVerdict, asked_agents, layer_verdict

Depth = Literal["next_layer", "last_layer"]


def mixture(
    members: Sequence[Member],
    policy: Policy,
    *,
    layers: int = 2,
    name: str = "mixture",
    state: type[TeamState] = TeamState,
) -> CoordinationGraph:
    """Build the graph of a mixture of agents.

    The aggregator is the policy's `presenter`, or the agent registered last. It does not propose:
    it writes the final answer from those of the last layer. Nobody votes.

    Args:
        members: Proposers and the aggregator, in registration order; two agents at least.
        policy: Its limits, and what agents see (`visibility`).
        layers: How often the proposers answer, from 1.
        name: The graph's name.
        state: TeamState, or a person's extension of it.

    Raises:
        UserError: When there are too few agents, or what they are allowed does not fit the layers.
    """
    check_size(name, members, least=2)
    policy = policy.filled(
        presenter=members[-1].id, final="synthesize", max_answers_per_agent=max(layers, 1)
    )
    _check_layers(layers, policy)
    graph = CoordinationGraph(members, policy, name=name, state=state)
    proposers = [member for member in members if member.id != policy.presenter]
    ids, desk = [member.id for member in proposers], graph.desk
    aggregator = policy.presenter or members[-1].id

    async def asked(state: TeamState) -> list[str]:
        return asked_agents(state)

    async def judged(state: TeamState) -> LayerVerdict:
        return layer_verdict(state, policy, sits_out=[aggregator])

    async def deep_enough(state: TeamState) -> Depth:
        done = max(state["drafts"].values(), default=0) >= layers
        return "last_layer" if done or state["limit"] is not None else "next_layer"

    aggregated = present_final(graph.by_id, policy, desk, final="synthesize", presenter=aggregator)
    graph.add_node("ask", ask(members, policy, desk, name, phase="answer"))
    graph.add_node("open_layer", open_round(desk, sits_out=[aggregator]))
    for member in proposers:
        graph.add_node(member.id, agent_node(member, policy, desk))
    graph.add_node("collect_answers", collect_votes(policy, desk), defer=True)
    graph.add_node("publish", restart(desk))
    graph.add_node("appoint", appoint(aggregator, desk))
    graph.add_node("aggregate", aggregated)
    graph.add_node("give_up", give_up(desk))

    graph.add_edge(START, "ask")
    graph.add_edge("ask", "open_layer")
    graph.add_conditional_edges("open_layer", asked, ids)
    for agent in ids:
        graph.add_edge(agent, "collect_answers")
    graph.add_conditional_edges(
        "collect_answers",
        judged,
        {
            "new_answer": "publish",
            "unfinished": "open_layer",
            "kept": "appoint",
            "no_answer": "give_up",
        },
    )
    graph.add_conditional_edges(
        "publish", deep_enough, {"next_layer": "open_layer", "last_layer": "appoint"}
    )
    graph.add_edge("appoint", "aggregate")
    graph.add_edge("aggregate", END)
    graph.add_edge("give_up", END)
    return graph


def _check_layers(layers: int, policy: Policy) -> None:
    if layers < 1:
        raise UserError(f"layers must be at least 1, not {layers}.")
    if policy.max_answers_per_agent < layers:
        raise UserError(
            f"{layers} layers need max_answers_per_agent of {layers} at least, "
            f"not {policy.max_answers_per_agent}."
        )
    if policy.final != "synthesize":
        raise UserError(f"A mixture's aggregator synthesizes; final can't be {policy.final!r}.")
