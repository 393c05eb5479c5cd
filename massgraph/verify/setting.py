"""Setting: who coordinates, in which graph and under which policy, as the first event tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..nodes.events import RunResumed, RunStarted
from ..nodes.policy import Policy
from ..nodes.rules import RULES
from ..nodes.state import Phase
from ..nodes.visibility import NAMES

OwnFunctions = Mapping[str, Callable[..., Any]]
"""Rules and visibilities of one's own, by the names that records give them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What rounds of a prebuilt graph ask for.

    Args:
        first: At first.
        after_answers: Once there are new answers.
        after_debate: After a debate.
        votes: Whether agents vote; where they do not, what an answer says is its author's vote
            (`tallied`), or nobody decides anything (`no`).
        merges: Whether one agent answers nothing, and merges what the others say.
    """

    first: Phase
    after_answers: Phase
    after_debate: Phase
    votes: str = "yes"
    merges: bool = False


SHAPES: Mapping[str, Shape] = {
    "team": Shape("coordinate", "coordinate", "coordinate"),
    "debate": Shape("answer", "vote", "coordinate"),
    "council": Shape("answer", "vote", "vote"),
    "mixture": Shape("answer", "answer", "answer", votes="no", merges=True),
    "self_consistency": Shape("answer", "answer", "answer", votes="tallied"),
    "single": Shape("answer", "answer", "answer", votes="no"),
}
"""The prebuilt graphs."""

_KEYS = frozenset(Policy.model_fields) - {
    "soft_deadline_s",  # its default may be later than the round's: a policy reads it as a share
    "templates",
    "output_type",
    "voting_sensitivity",
    "idle_timeout_s",
    "call_timeout_s",
}
"""The keys of a policy that some check reads."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Who coordinates, and how.

    Args:
        policy: The policy, with defaults in the place of functions that are not known.
        agents: All agents, in registration order.
        shape: What rounds of the graph ask for; None for a graph of one's own.
        knows_rule: Whether the rule can be asked.
        knows_sight: Whether it is known who sees what.
        typed: Whether the final answer has a form.
        slack_s: Seconds that a busy machine may add to a deadline.
        notes: What can't be checked, and why.
    """

    policy: Policy
    agents: tuple[str, ...]
    shape: Shape | None
    knows_rule: bool
    knows_sight: bool
    typed: bool
    slack_s: float
    notes: tuple[str, ...]

    @classmethod
    def of(cls, event: RunStarted | RunResumed, own: OwnFunctions, slack_s: float) -> Setting:
        """Return the setting that a run's first event tells.

        Raises:
            Exception: Of any type, when the event is none that a run tells.
        """
        told = {key: value for key, value in event.policy.items() if key in _KEYS}
        notes: list[str] = []
        if missing := _KEYS - set(told):
            notes.append(f"the policy lacks {', '.join(sorted(missing))}: defaults are taken")
        rule, sight = told.get("rule", "plurality"), told.get("visibility", "all")
        knows_rule, knows_sight = rule in RULES or rule in own, sight in NAMES or sight in own
        if not knows_rule:
            notes.append(f"S5: {rule!r} is a rule of one's own: whom it elects is not checked")
            del told["rule"]
        elif rule not in RULES:
            told["rule"] = own[rule]
        if not knows_sight:
            notes.append(f"S2: {sight!r} is a visibility of one's own: who sees whom is unchecked")
            told = {k: v for k, v in told.items() if k not in ("visibility", "visible_peers")}
        elif sight not in NAMES:
            told["visibility"] = own[sight]
        shape = SHAPES.get(event.graph)
        if shape is None:
            notes.append(
                f"S3, S5: {event.graph!r} is a graph of one's own: "
                "what its rounds ask for, and of whom, is checked in part"
            )
        return cls(
            policy=Policy(**told),
            agents=tuple(agent["id"] for agent in event.agents),
            shape=shape,
            knows_rule=knows_rule,
            knows_sight=knows_sight,
            typed=event.policy.get("output_type") is not None,
            slack_s=slack_s,
            notes=tuple(notes),
        )

    @property
    def sits_out(self) -> frozenset[str]:
        """Who is never asked."""
        merges = self.shape is not None and self.shape.merges
        return frozenset({self.policy.presenter or self.agents[-1]} if merges else ())

    def authors(self, labels: Iterable[str]) -> list[str]:
        """Return whose labels these are; nobody's are left out."""
        known = {f"agent{number}": agent for number, agent in enumerate(self.agents, 1)}
        return [known[label] for label in labels if label in known]

    @property
    def votes(self) -> str:
        """Whether agents vote: `yes`, `no`, `tallied`, or `maybe` in a graph of one's own."""
        return self.shape.votes if self.shape is not None else "maybe"

    @property
    def alone(self) -> bool:
        """Whether this is one agent, whose answer stands without a vote."""
        return len(self.agents) == 1 and self.policy.single == "answer"
