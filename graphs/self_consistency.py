"""Self-consistency: samples of one agent, of which the answer given most often wins.

The honest baseline for every team: as many calls, and no coordination. (Wang et al.,
"Self-Consistency Improves Chain of Thought Reasoning in Language Models", ICLR 2023.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from langgraph.graph import END, START

from ..backends.errors import UserError
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
from ..nodes.tally import plain_words, tally
from .agent import agent_node
from .composition import CoordinationGraph
from .names import check_size
from .transitions import AnswerVerdict, answer_verdict, asked_agents


def self_consistency(
    members: Sequence[Member],
    policy: Policy,
    *,
    samples: int = 5,
    key: Callable[[str], str] = plain_words,
    name: str = "self_consistency",
    state: type[TeamState] = TeamState,
) -> CoordinationGraph:
    """Build the graph that samples one agent several times, and elects the most frequent answer.

    Unless the policy says otherwise, the first sample that gave it is the final answer.

    Args:
        members: The agent. Its model must not answer the same every time: mind its temperature.
        policy: Its limits.
        samples: How many times it is asked, from 1; samples are called ID_1, ID_2, ...
        key: What two answers must share to count as the same; by default their words, without
            regard to case, punctuation and space.
        name: The graph's name.
        state: TeamState, or a person's extension of it.

    Raises:
        UserError: When there is not exactly one agent, or less than one sample.
    """
    check_size(name, members, exactly=1)
    if samples < 1:
        raise UserError(f"samples must be at least 1, not {samples}.")
    one = members[0]
    drawn = [replace(one, id=f"{one.id}_{number}") for number in range(1, samples + 1)]
    policy = policy.filled(final="reuse")
    # A sample's vote is what its answer says: one for itself counts like any other.
    policy = policy.model_copy(update={"single": "coordinate", "self_votes": "allow"})
    graph = CoordinationGraph(drawn, policy, name=name, state=state)
    ids, desk = list(graph.by_id), graph.desk

    async def asked(state: TeamState) -> list[str]:
        return asked_agents(state)

    async def judged(state: TeamState) -> AnswerVerdict:
        return answer_verdict(state, policy)

    graph.add_node("ask", ask(drawn, policy, desk, name, phase="answer"))
    graph.add_node("open_round", open_round(desk))
    for member in drawn:
        graph.add_node(member.id, agent_node(member, policy, desk))
    graph.add_node("collect_answers", collect_votes(policy, desk), defer=True)
    graph.add_node("publish", restart(desk))
    graph.add_node("tally", tally(key, desk))
    graph.add_node("select_winner", select_winner(policy, desk))
    graph.add_node("present_final", present_final(graph.by_id, policy, desk))
    graph.add_node("give_up", give_up(desk))

    graph.add_edge(START, "ask")
    graph.add_edge("ask", "open_round")
    graph.add_conditional_edges("open_round", asked, ids)
    for sample in ids:
        graph.add_edge(sample, "collect_answers")
    graph.add_conditional_edges(
        "collect_answers",
        judged,
        {"new_answer": "publish", "unfinished": "open_round", "no_answer": "give_up"},
    )
    graph.add_edge("publish", "tally")
    graph.add_edge("tally", "select_winner")
    graph.add_edge("select_winner", "present_final")
    graph.add_edge("present_final", END)
    graph.add_edge("give_up", END)
    return graph
