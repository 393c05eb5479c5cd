"""Ways through the model: chosen so that each kind of step is on one of them, or drawn by lot."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from .explore import canonical, walked, way_to
from .kinds import kind_of
from .protocol import NOBODY, Action, Config, Kind, Protocol, State

Step = tuple[Action, State]


@dataclass(frozen=True, slots=True)
class Trace:
    """A run of the model from its beginning to its end.

    Args:
        config: The team.
        first: The state in which it begins.
        steps: What happened, each with the state that followed.
    """

    config: Config
    first: State
    steps: tuple[Step, ...]

    @property
    def kinds(self) -> set[str]:
        """The kinds of its steps."""
        before = [self.first, *(state for _, state in self.steps)]
        return {
            kind_of(state, action, after)
            for state, (action, after) in zip(before, self.steps, strict=False)
        }

    @property
    def text(self) -> str:
        """The trace in one line, from which `read` makes it again."""
        plain = Config(self.config.agents, self.config.answers)
        given = self.config._asdict()
        keys = [
            k for k, v in given.items() if k in ("agents", "answers") or v != plain._asdict()[k]
        ]
        config = " ".join(f"{key}={given[key]}" for key in keys)
        did = " ".join(".".join(str(x) for x in action if x != NOBODY) for action, _ in self.steps)
        return f"{config} : {did}"


def read(text: str) -> Trace:
    """Make a trace from its line.

    Raises:
        ValueError: When it is not one of the model's.
    """
    config, _, did = text.partition(":")
    defaults = Config(1, 1)._asdict()
    given = {key: value for key, _, value in (pair.partition("=") for pair in config.split())}
    protocol = Protocol(Config(**{k: _value(defaults[k], v) for k, v in given.items()}))
    state, steps = protocol.start(), list[Step]()
    for word in did.split():
        kind, *numbers = word.split(".")
        action = Action(cast("Kind", kind), *map(int, numbers))
        following = dict(protocol.steps(state))
        if action not in following:
            raise ValueError(f"{word} can't happen here: {sorted(following)}")
        state = following[action]
        steps.append((action, state))
    return Trace(protocol.config, protocol.start(), tuple(steps))


def _value(default: Any, text: str) -> Any:
    if isinstance(default, bool):
        return text == "True"
    if isinstance(default, int):
        return float(text) if "." in text else int(text)
    return text


def finished(protocol: Protocol, begun: list[Step], rng: random.Random) -> Trace:
    """Return a trace that goes on by lot from here."""
    first = protocol.start()
    steps = list(begun)
    state = steps[-1][1] if steps else first
    while state.stage != "end":
        # Crashes by lot could go on for ever; faults of a whole round would end most runs early.
        kinds: dict[str, list[Step]] = {}
        for action, after in protocol.steps(state):
            kinds.setdefault(action.kind, []).append((action, after))
        weights = [RARE.get(kind, 1.0) for kind in kinds]
        kind = rng.choices(list(kinds), weights)[0]
        action, state = rng.choice(kinds[kind])
        steps.append((action, state))
    return Trace(protocol.config, first, tuple(steps))


RARE = {"crash": 0.05, "deadline": 0.02, "budget": 0.05, "cut": 0.1, "fail": 0.15, "vote": 2.0}
"""How likely a kind of step is, where others are 1."""


def drawn(config: Config, seed: int) -> Trace:
    """Return a trace by lot, the same for a seed."""
    return finished(Protocol(config), [], random.Random(f"{seed} {config}"))


def covering(config: Config, most: int, seen: set[str]) -> Iterator[Trace]:
    """Give out traces that hold each kind of step that is met early, by a short way to it.

    Args:
        config: The team.
        most: How many states are visited, breadth first.
        seen: The kinds that need no trace any more; those that get one are added.
    """
    protocol, rng = Protocol(config), random.Random(str(config))
    first = protocol.start()
    came: dict[State, tuple[State, Action] | None] = {canonical(protocol, first): None}
    waiting = deque(came)
    while waiting and len(came) < most:
        state = waiting.popleft()
        for action, after in protocol.steps(state):
            kind = kind_of(state, action, after)
            if kind not in seen:
                seen.add(kind)
                way = walked(protocol, [*way_to(came, state), action])
                trace = finished(protocol, cast("list[Step]", way[1:]), rng)
                seen |= trace.kinds
                yield trace
            known = canonical(protocol, after)
            if known not in came:
                came[known] = state, action
                waiting.append(known)
