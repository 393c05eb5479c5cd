"""Visit every reachable state of the model, step by step and breadth first.

So what it finds wrong comes with a shortest way there. rounds.py visits more in less time.

States are canonical: what no step will ever read is left out.

- The round's number: nobody reads it.
- Epochs: only their order decides (who was first), so they are numbered anew from 1.
- How many answers a failed agent gave: it gives no more.
- Which of those who have voted cast which vote: they are not asked again in this epoch, and votes
  are counted. (Unless votes for oneself are ignored: then it matters.)
- After settling, everything but the winner, by what, and whether the winner has failed.

Agents are not interchangeable, though: who was registered first wins a tie, and stands for answers
that are the same.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from .kinds import kind_of
from .properties import problems, rank
from .protocol import NOBODY, Action, Protocol, State, Vote

BORDERS = ("close", "present", "present_fails")
"""The steps after which a round begins or the run is over."""


@dataclass(slots=True)
class Found:
    """What was visited.

    Args:
        states: How many states there are.
        transitions: How many steps between them.
        longest: The most steps that a run takes (crashes apart); the most rounds, in `Rounds`.
        kinds: How many of the steps were of which kind.
        borders: The states in which a round begins or a run ends.
    """

    states: int = 0
    transitions: int = 0
    longest: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    borders: set[State] = field(default_factory=set)


class BrokenRuleError(AssertionError):
    """A property that does not hold, and a shortest way there."""

    def __init__(self, what: list[str], way: list[tuple[Action | None, State]]) -> None:
        self.what, self.way = what, way
        super().__init__("\n".join(["; ".join(what), *map(told, way)]))


def told(step: tuple[Action | None, State]) -> str:
    """Return a step as one legible line."""
    action, state = step
    did = "start" if action is None else " ".join(str(x) for x in action if x != NOBODY)
    seats = " ".join(s.kind if s.arg == NOBODY else f"{s.kind}:{s.arg}" for s in state.seats)
    votes = " ".join("-" if v is None else f"{v.target}@{v.epoch}" for v in state.votes)
    more = [f"failed {[a for a, f in enumerate(state.failed) if f]}"] if any(state.failed) else []
    more += [f"winner {state.winner} by {state.settled_by}"] if state.winner != NOBODY else []
    line = (
        f"  {did:<16} {state.stage} {state.round} epoch {state.epoch} opened {state.opened}"
        f" | answers {state.answers} drafts {state.drafts} | votes {votes} | {seats}"
    )
    return " | ".join([line, *more])


def canonical(protocol: Protocol, state: State) -> State:
    """Return the one state that stands for all that go on alike."""
    if state.stage != "round":
        return _ended(state)
    epochs = sorted({epoch for epoch in state.answers if epoch})
    number = {0: 0} | {epoch: n for n, epoch in enumerate(epochs, 1)}
    now = len(epochs) + 1
    cast = [Vote(v.target, now + v.epoch - state.epoch) for v in state.votes if v is not None]
    if cast and protocol.config.self_votes != "ignore":
        cast.sort()
    votes = tuple(None if v is None else cast.pop() for v in reversed(state.votes))[::-1]
    drafts = tuple(
        min(d, 1) if failed else d for d, failed in zip(state.drafts, state.failed, strict=True)
    )
    return state._replace(
        round=0,
        epoch=now,
        drafts=drafts,
        answers=tuple(number[epoch] for epoch in state.answers),
        votes=votes,
        verdict="",
    )


def _ended(state: State) -> State:
    blank = (0,) * len(state.answers)
    winner = state.winner != NOBODY and state.failed[state.winner]
    return state._replace(
        round=0,
        epoch=0,
        opened=0,
        debates=0,
        drafts=blank,
        answers=blank,
        votes=(None,) * len(blank),
        failed=tuple(winner and a == state.winner for a in range(len(blank))),
        seats=(),
        verdict="",
    )


def explore(protocol: Protocol) -> Found:
    """Visit all states step by step.

    Raises:
        BrokenRuleError: When a property does not hold in one of them.
    """
    config, found = protocol.config, Found()
    first = canonical(protocol, protocol.start())
    came: dict[State, tuple[State, Action] | None] = {first: None}
    following: dict[State, list[State]] = {}
    waiting = deque([first])
    found.borders.add(first)
    while waiting:
        state = waiting.popleft()
        following[state] = []
        steps = 0
        for action, after in protocol.steps(state):
            steps += 1
            wrong = problems(config, state, action, after)
            if wrong:
                raise BrokenRuleError(wrong, walked(protocol, [*way_to(came, state), action]))
            found.transitions += 1
            found.kinds[kind_of(state, action, after)] += 1
            known = canonical(protocol, after)
            if action.kind != "crash":
                following[state].append(known)
            if known not in came:
                came[known] = state, action
                waiting.append(known)
            if action.kind in BORDERS:
                found.borders.add(known)
        if not steps and state.stage != "end":
            stuck = ["L1: nothing can happen any more"]
            raise BrokenRuleError(stuck, walked(protocol, way_to(came, state)))
    found.states, found.longest = len(came), longest(protocol, following)
    return found


def way_to(came: dict[State, tuple[State, Action] | None], state: State) -> list[Action]:
    """Return a shortest way to a state."""
    way: list[Action] = []
    while (before := came[state]) is not None:
        state, action = before
        way.append(action)
    return way[::-1]


def walked(protocol: Protocol, way: Sequence[Action]) -> list[tuple[Action | None, State]]:
    """Return a way with the states on it, in which rounds and epochs are the real ones."""
    state = protocol.start()
    steps: list[tuple[Action | None, State]] = [(None, state)]
    for action in way:
        state = dict(protocol.steps(state))[action]
        steps.append((action, state))
    return steps


def longest(protocol: Protocol, following: dict[State, list[State]]) -> int:
    """Return the most steps from the first state to an end: in order of rank, so no cycle."""
    steps: dict[State, int] = {}
    for state in sorted(following, key=lambda s: -rank(protocol.config, s)):
        steps[state] = 1 + max((steps[after] for after in following[state]), default=-1)
    return max(steps.values())
