"""What graphs of one's own are made of: nodes, verdicts, state, and the prebuilt graphs.

    from massgraph.compose import coordination

    def graph(members, policy):
        made = coordination(members, policy)
        made.insert("critic", critic, between=("restart", "open_round"))
        return made

What each node reads and writes stands in docs/composing.md.
"""

from __future__ import annotations

from .graphs.agent import agent_node as agent_node
from .graphs.composition import CoordinationGraph as CoordinationGraph
from .graphs.composition import GraphFactory as GraphFactory
from .graphs.composition import TeamGraph as TeamGraph
from .graphs.coordination import coordination as coordination
from .graphs.council import council as council
from .graphs.debate import debate as debate_graph
from .graphs.mixture import mixture as mixture
from .graphs.nested import GraphBackend as GraphBackend
from .graphs.self_consistency import self_consistency as self_consistency
from .graphs.single import single as single
from .graphs.transitions import answer_verdict as answer_verdict
from .graphs.transitions import layer_verdict as layer_verdict
from .graphs.transitions import ranking_verdict as ranking_verdict
from .graphs.transitions import verdict as verdict
from .nodes.appoint import appoint as appoint
from .nodes.ask import ask as ask
from .nodes.collect_votes import collect_votes as collect_votes
from .nodes.debate import debate as debate
from .nodes.give_up import give_up as give_up
from .nodes.live import Desk as Desk
from .nodes.member import Member as Member
from .nodes.open_round import open_round as open_round
from .nodes.policy import Policy as Policy
from .nodes.present_final import present_final as present_final
from .nodes.restart import restart as restart
from .nodes.rules import Vote as Vote
from .nodes.select_winner import select_winner as select_winner
from .nodes.state import Answer as Answer
from .nodes.state import Question as Question
from .nodes.state import TeamState as TeamState
from .nodes.tally import tally as tally

__all__ = [
    "Answer",
    "CoordinationGraph",
    "Desk",
    "GraphBackend",
    "GraphFactory",
    "Member",
    "Policy",
    "Question",
    "TeamGraph",
    "TeamState",
    "Vote",
    "agent_node",
    "answer_verdict",
    "appoint",
    "ask",
    "collect_votes",
    "coordination",
    "council",
    "debate",
    "debate_graph",
    "give_up",
    "layer_verdict",
    "mixture",
    "open_round",
    "present_final",
    "ranking_verdict",
    "restart",
    "select_winner",
    "self_consistency",
    "single",
    "tally",
    "verdict",
]
