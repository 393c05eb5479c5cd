"""Cases: teams whose runs are crashed, from simple to odd, each following from its seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from massgraph import Agent, Policy, Team
from massgraph.graphs.keeping import Keeper
from massgraph.graphs.mixture import mixture
from massgraph.graphs.self_consistency import self_consistency
from massgraph.keeping import Keeping
from massgraph.nodes.events import Event
from massgraph.store import Storage
from massgraph.stored_run import StoredRun

from .crash_mind import Asked, Manner, Mind, lookup_tool

ENDLESS: dict[str, Any] = {
    "soft_deadline_s": 1e6,
    "round_deadline_s": 1e6,
    "run_deadline_s": 1e7,
    "on_new_answer": "finish",
}
"""A policy under which nothing depends on what is slow."""

Told = list[Event]


class _Heard(StoredRun):
    """A stored run whose events are kept in a list."""

    told: Told

    def take(self, event: Event) -> None:
        self.told.append(event)
        super().take(event)


class _HeardKeeping(Keeping):
    """Keeps runs whose events are kept, up to the last one before a crash."""

    def __init__(self, storage: Storage, told: Told) -> None:
        super().__init__(None, storage, None)
        self._told = told

    def keeper(self, thread_id: str, messages: Any, config: str | None) -> Keeper:
        keeper = _Heard(self.storage, thread_id, messages=messages, config=config)
        keeper.told = self._told
        return keeper


@dataclass(frozen=True)
class Case:
    """A team that can be made as often as is needed.

    Args:
        name: What it shows.
        seed: What the order of tasks follows from.
        policy: The policy's keys.
        agents: The ids of its agents.
        graph: The graph.
        manner: How its agents' models go about their calls.
        tools: Whether its agents have a tool.
        nested: Agents that are teams themselves.
        more: Further arguments of each agent.
        exact: Whether a resumed run must come to the same result as one that nothing has cut.
        spent: Whether it must have used the same, too.
        questions: All that is asked on the thread; the last run is the one that is crashed.
        fork: Whether a fork of the last run is crashed, and not that run itself.
    """

    name: str
    seed: int
    policy: dict[str, Any]
    agents: tuple[str, ...] = ("a1", "a2", "a3")
    graph: Any = "team"
    manner: Manner = field(default_factory=Manner)
    tools: bool = False
    nested: tuple[str, ...] = ()
    more: dict[str, Any] | None = None
    exact: bool = True
    spent: bool = True
    questions: tuple[str, ...] = ("What?",)
    fork: bool = False

    def team(self, storage: Storage, asked: Asked, told: Told) -> Team:
        """Return the team, made anew, as another process makes it."""
        agents = [self._agent(agent, asked) for agent in self.agents]
        made = Team(agents, Policy(**self.policy), graph=self.graph)
        made._keeping = _HeardKeeping(storage, told)
        return made

    def _agent(self, agent: str, asked: Asked) -> Agent:
        backend: Any = Mind(agent, asked, self.manner)
        if agent in self.nested:
            names = [f"{agent}x{n}" for n in range(1, 2 + self.seed % 2)]
            inner = [Agent(name, Mind(name, asked, self.manner)) for name in names]
            backend = Team(inner, Policy(**ENDLESS))
        tools = [lookup_tool()] if self.tools else []
        return Agent(agent, backend, tools=tools, **(self.more or {}))


def _names(number: int) -> tuple[str, ...]:
    return tuple(f"a{n}" for n in range(1, number + 1))


Make = Callable[[int, random.Random], Case]


def _team(seed: int, rng: random.Random) -> Case:
    return Case("team", seed, ENDLESS, _names(rng.choice([1, 2, 3, 4, 5])))


def _tools(seed: int, rng: random.Random) -> Case:
    return Case("tools", seed, ENDLESS, _names(rng.choice([1, 2, 3])), tools=True)


def _refused(seed: int, rng: random.Random) -> Case:
    manner = Manner(refused=0.5, wrong=0.3)
    return Case("refused", seed, ENDLESS, _names(rng.choice([2, 3])), manner=manner, tools=True)


def _broken(seed: int, rng: random.Random) -> Case:
    manner = Manner(broken=0.4, wrong=0.2, refused=0.2)
    policy = {**ENDLESS, "attempts": 6}
    return Case("broken", seed, policy, _names(rng.choice([2, 3])), manner=manner, spent=False)


def _unfinished(seed: int, rng: random.Random) -> Case:
    policy = {**ENDLESS, "attempts": 1, "max_unfinished_rounds": 2, "max_debate_rounds": 2}
    manner = Manner(wrong=0.4)
    return Case("unfinished", seed, policy, _names(rng.choice([2, 3, 4])), manner=manner)


def _prebuilt(seed: int, rng: random.Random) -> Case:
    graphs: dict[str, Any] = {
        "debate": "debate",
        "council": "council",
        "mixture": partial(mixture, layers=2),
        "self_consistency": partial(self_consistency, samples=3),
        "single": "single",
    }
    name = list(graphs)[seed % len(graphs)]
    agents = _names(1 if name in ("single", "self_consistency") else 3)
    policy = {**ENDLESS, **({"max_answers_per_agent": 3} if name == "mixture" else {})}
    return Case(name, seed, policy, agents, graphs[name], tools=rng.random() < 0.5)


def _ends(seed: int, rng: random.Random) -> Case:
    policy = {
        **ENDLESS,
        "final": rng.choice(["reuse", "synthesize", "present"]),
        "output_type": rng.choice([None, {"type": "string"}, list[float]]),
        "rule": rng.choice(["majority", "borda", "supermajority"]),
        "visibility": rng.choice(["all", "ring"]),
    }
    return Case("ends", seed, policy, _names(3), manner=Manner(wrong=0.1))


def _nested(seed: int, rng: random.Random) -> Case:
    nested = rng.choice([("a1",), ("a2",), ("a1", "a2")])
    return Case("nested", seed, ENDLESS, ("a1", "a2"), nested=nested)


def _released(seed: int, rng: random.Random) -> Case:
    policy = {**ENDLESS, "on_new_answer": "cancel", "settle_early": rng.random() < 0.5}
    manner = Manner(votes=0.5, refused=0.2, broken=0.1)
    agents = _names(rng.choice([2, 3, 4]))
    return Case(
        "released", seed, policy, agents, manner=manner, tools=rng.random() < 0.5, exact=False
    )


def _budgets(seed: int, rng: random.Random) -> Case:
    whole = rng.random() < 0.6
    policy = {**ENDLESS, **({"max_calls": rng.randrange(2, 9)} if whole else {})}
    more = None if whole else {"budget": {"max_calls": rng.randrange(1, 4)}}
    return Case("budgets", seed, policy, _names(3), tools=True, more=more, exact=False)


def _deadlines(seed: int, rng: random.Random) -> Case:
    policy = {
        **ENDLESS,
        "round_deadline_s": rng.choice([3.0, 6.0]),
        "soft_deadline_s": 2.0,
        "run_deadline_s": rng.choice([4.0, 12.0, 100.0]),
        "on_new_answer": rng.choice(["finish", "cancel"]),
    }
    return Case("deadlines", seed, policy, _names(3), tools=True, exact=False)


def _asked_on(seed: int, rng: random.Random) -> Case:
    made = _KINDS[rng.choice(["team", "tools", "ends", "prebuilt"])](seed, rng)
    return replace(made, name=f"follow-up, {made.name}", questions=("What?", "And then?"))


def _asked_again(seed: int, rng: random.Random) -> Case:
    return replace(_team(seed, rng), name="the same again", questions=("What?", "What?"))


def _forked(seed: int, rng: random.Random) -> Case:
    made = _KINDS[rng.choice(["team", "tools", "unfinished"])](seed, rng)
    return replace(made, name=f"fork, {made.name}", fork=True)


_KINDS: dict[str, Make] = {
    "team": _team,
    "tools": _tools,
    "refused": _refused,
    "broken": _broken,
    "unfinished": _unfinished,
    "prebuilt": _prebuilt,
    "ends": _ends,
    "nested": _nested,
    "released": _released,
    "budgets": _budgets,
    "deadlines": _deadlines,
    "follow-up": _asked_on,
    "again": _asked_again,
    "fork": _forked,
}

KINDS = tuple(_KINDS)


def case(kind: str, seed: int) -> Case:
    """Return the case of a kind and a seed."""
    return _KINDS[kind](seed, random.Random(f"{kind} {seed}"))
