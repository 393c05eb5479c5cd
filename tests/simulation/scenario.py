"""Random teams in random graphs, under random policies."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from massgraph import Agent, Policy, Team
from massgraph.graphs.composition import CoordinationGraph
from massgraph.graphs.coordination import coordination
from massgraph.graphs.mixture import mixture
from massgraph.graphs.prebuilt import graph_factory
from massgraph.graphs.self_consistency import self_consistency
from massgraph.nodes.rules import Candidate, Decision, Electorate, RuleOptions, Vote
from massgraph.nodes.state import TeamState
from massgraph.nodes.visibility import Sight
from massgraph.store.base import Storage

from .chaos import Calls, ChaosBackend, Patience, chaos_tool
from .weather import SlowSaver


def every_other(sight: Sight) -> list[str]:
    """See every second agent, another half in each epoch."""
    return list(sight.agents[sight.epoch % 2 :: 2])


def nobody(sight: Sight) -> list[str]:
    """See nobody's answer but one's own."""
    return []


SIGHTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"visibility": "ring"},
    {"visibility": "ring", "visible_peers": 2},
    {"visibility": "random"},
    {"visibility": "random", "visible_peers": 3},
    {"visibility": "none"},
    {"visibility": "none"},
    {"visibility": every_other},
    {"visibility": nobody},
)
"""Who sees whose answers."""


def least_liked(
    ballots: Sequence[Vote],
    candidates: Sequence[Candidate],
    electorate: Electorate,
    options: RuleOptions,
) -> Decision | None:
    """Elect the one candidate with the fewest votes: more votes make a winner lose."""
    votes = {c.agent: sum(b["candidate"] == c.agent for b in ballots) for c in candidates}
    least = [agent for agent, number in votes.items() if number == min(votes.values())]
    return Decision(least[0]) if len(least) == 1 else None


RULES: tuple[dict[str, Any], ...] = (
    *[{"rule": "plurality"}] * 6,
    {"rule": "majority"},
    {"rule": "supermajority"},
    {"rule": "supermajority", "threshold": 0.4},
    {"rule": "supermajority", "threshold": 1.0},
    {"rule": "unanimity"},
    {"rule": "borda"},
    {"rule": "ranked"},
    {"rule": least_liked},
)
"""How votes become a winner."""

OWN: dict[str, Any] = {one.__name__: one for one in (every_other, nobody, least_liked)}
"""Rules and visibilities of one's own, by the names that records give them."""

GRAPHS = ("debate", "council", "mixture", "self_consistency", "single", "critic", "nested")
"""The graphs besides the team's own; in the last one, agents are teams themselves."""


def critic(members: Any, policy: Policy) -> CoordinationGraph:
    """Return a team's graph in which a node writes notes on each set of answers."""

    async def remarks(state: TeamState) -> dict[str, Any]:
        return {"notes": {f"on {author}": "Is that so?" for author in state["answers"]}}

    graph = coordination(members, policy, name="critic")
    return graph.insert("critic", remarks, between=("restart", "open_round"))


@dataclass(frozen=True)
class Scenario:
    """One random team in a graph, under one random policy.

    Args:
        seed: What everything follows from.
        graph: The graph's name.
        policy: The policy, with what the graph takes for what it leaves open.
        team: The team.
        agents: The ids of those that are asked, in registration order.
        calls: What their backends were asked.
        saver: Where its threads are kept.
        jumps: How likely the clock is to jump at each step of the event loop.
    """

    seed: int
    graph: str
    policy: Policy
    team: Team
    agents: list[str]
    calls: Calls
    saver: SlowSaver
    jumps: float


def budgets(rng: random.Random) -> dict[str, Any]:
    """Return a budget, or none."""
    some = [{"max_calls": rng.randrange(1, 12)}, {"max_tokens": rng.randrange(500, 9000)}]
    return rng.choice([{}, {}, {}, *some])


def ending(rng: random.Random, agents: list[str], graph: str) -> dict[str, Any]:
    """Return who writes the final answer, and what it must be."""
    finals = ["synthesize"] if graph in ("council", "mixture") else ["present", "reuse"]
    final = rng.choice([*finals, "synthesize"])
    merges = final == "synthesize" and graph != "self_consistency"
    presenter = rng.choice([None, *agents]) if merges else None
    output_type = rng.choice([None, None, None, {"type": "string"}, list[float]])
    named = {} if presenter is None else {"presenter": presenter}
    return {"final": final, "output_type": output_type, **named}


def limits(rng: random.Random) -> dict[str, Any]:
    """Return deadlines, and how often what may be done."""
    round_deadline_s = rng.choice([3.0, 40.0, 300.0])
    soft = {"soft_deadline_s": round_deadline_s * rng.choice([0.2, 0.6, 1.0])}
    return {
        "max_answers_per_agent": rng.choice([1, 2, 3]),
        "max_debate_rounds": rng.choice([0, 1, 2]),
        "max_unfinished_rounds": rng.choice([0, 1, 2]),
        "idle_timeout_s": rng.choice([5.0, 60.0, None]),
        "call_timeout_s": rng.choice([None, 20.0]),
        "attempts": rng.choice([1, 2, 3]),
        "round_deadline_s": round_deadline_s,
        "run_deadline_s": rng.choice([4.0, 100.0, 1800.0]),
        **budgets(rng),
        **rng.choice([soft, {}]),
    }


def voting(rng: random.Random, agents: list[str], graph: str) -> dict[str, Any]:
    """Return who may vote for whom, and what a vote counts."""
    weighed = [] if graph == "self_consistency" else agents
    return {
        "weights": {a: rng.choice([0, 0.1, 0.5, 1, 2]) for a in weighed if rng.random() < 0.3},
        "quorum": rng.choice([1, 1, min(2, len(agents) or 1), 0.5, 0.9]),
        "self_votes": rng.choice(["allow", "ignore", "forbid"]),
        "tie": rng.choice(["earliest_answer", "registration", "random"]),
        "settle_early": rng.choice([False, True]),
        **rng.choice(RULES),
    }


def policy_of(rng: random.Random, seed: int, agents: list[str], graph: str) -> Policy:
    """Return a random policy for a graph."""
    keys = {
        "novelty": rng.choice(["exact", "exact", "lenient", "strict", 0.3]),
        "voting_sensitivity": rng.choice(["lenient", "balanced", "strict"]),
        "seed": seed,
        "on_new_answer": rng.choice(["cancel", "cancel", "finish"]),
        "single": rng.choice(["answer", "coordinate"]),
        "templates": rng.choice([{}, {}, {"choose_balanced": "Choose.", "hurry": "Now: {tools}"}]),
        **rng.choice(SIGHTS),
        **limits(rng),
        **voting(rng, agents, graph),
        **ending(rng, agents, graph),
    }
    left_open = ("rule", "max_debate_rounds", "single") if rng.random() < 0.5 else ()
    if graph == "mixture":
        keys["max_answers_per_agent"] = rng.choice([2, 3])
    return Policy(**{k: v for k, v in keys.items() if graph == "team" or k not in left_open})


def factory(rng: random.Random, graph: str) -> Any:
    """Return the graph of a name, of a random depth or number of samples."""
    factories = {
        "critic": critic,
        "nested": "team",
        "mixture": partial(mixture, layers=rng.choice([1, 2])),
        "self_consistency": partial(self_consistency, samples=rng.choice([1, 2, 3, 5])),
    }
    return factories.get(graph, graph)


SIZES = {
    "single": [1],
    "self_consistency": [1],
    "critic": [1, 2, 3, 4],
    "nested": [2, 2, 3, 4],
    "team": [1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8],
}
"""How many agents there may be; 2 to 5 in other graphs."""


def scenario(
    seed: int,
    graph: str = "team",
    *,
    storage: Storage | None = None,
    saver: SlowSaver | None = None,
    attempt: int = 1,
) -> Scenario:
    """Return the scenario of a seed.

    Args:
        seed: The seed.
        graph: The graph's name.
        storage: Where threads are kept; None keeps checkpoints alone.
        saver: Where checkpoints are kept; None takes a new one.
        attempt: Which process this is: backends say something else in each.
    """
    rng = random.Random(f"{seed} {graph}")
    number = rng.choice(SIZES.get(graph, [2, 3, 3, 4, 5]))
    names = [f"a{n}" for n in range(1, number + 1)]
    policy = policy_of(rng, seed, names, graph)
    calls = Calls()
    wrongness = rng.choice([0.0, 0.15, 0.4, 0.9])
    with_tools = rng.choice([0.0, 0.5, 1.0])

    def backend(name: str) -> ChaosBackend | Team:
        if graph == "nested" and not name.startswith("in") and rng.random() < 0.5:
            members = [agent(f"in{name}x{n}").member() for n in range(rng.choice([1, 2, 3]))]
            return Team.from_graph(coordination(members, inside))
        limits = inside if name.startswith("in") else policy
        patience = Patience(limits.idle_timeout_s, limits.call_timeout_s, 5 + 10 * saver.slowest_s)
        seed_now = rng.randrange(2**32) ^ (attempt - 1)
        return ChaosBackend(seed_now, name, calls, wrongness, patience)

    def agent(name: str) -> Agent:
        return Agent(
            name,
            backend(name),
            tools=[chaos_tool(rng.randrange(2**32), calls)] if rng.random() < with_tools else [],
            tool_timeout_s=rng.choice([2.0, 60.0]),
            budget=budgets(rng),
        )

    inside = policy_of(rng, seed, [], "nested")
    new = SlowSaver(seed, rng.choice([0.0, 0.02, 0.3]), rng.choice([0.0, 0.0, 0.0, 0.03]))
    saver = saver or new
    jumps = rng.choice([0.0] * 7 + [0.01])
    members = [agent(name).member() for name in names]
    drawn = graph_factory(factory(rng, graph))(members, policy)
    kept: dict[str, Any] = {"checkpointer": saver} if storage is None else {"db": storage}
    team = Team.from_graph(drawn, **kept)
    ids = [member.id for member in drawn.members]
    if graph != "nested":  # where each team has labels of its own
        named = {agent: agent.split("_")[0] for agent in ids}
        labels = {f"agent{number}": agent for number, agent in enumerate(named.values(), 1)}
        calls.owners = named | labels
    return Scenario(seed, graph, drawn.policy, team, ids, calls, saver, jumps)
