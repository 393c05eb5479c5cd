"""Visit every reachable state of the model, from round to round.

What may happen inside a round is worked out once for all rounds that begin alike, and there nobody
reads whom a vote is for, or whether two answers say the same: both are filled in at the round's
end. Where there is a new answer, who has voted, abstained or was stopped is all the same for what
comes next, so one of these stands for all; and where there is none, votes count whoever has cast
which. A test holds this against the visit step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import product

from .explore import BrokenRuleError, Found, canonical
from .properties import problems, rank
from .protocol import NOBODY, RUNNING, Action, Protocol, Seat, State

CLOSE = Action("close")


@dataclass(slots=True)
class Frame:
    """All that may happen in rounds that begin alike.

    Args:
        states: How many states there are inside.
        transitions: How many steps between them.
        ends: The seats when all turns have ended, with the limit that was reached.
    """

    states: int
    transitions: int
    ends: list[State]


@dataclass(slots=True)
class Rounds:
    """A visit under way.

    Args:
        protocol: The rules.
        frames: The frames that are worked out, by what the inside of a round reads.
    """

    protocol: Protocol
    frames: dict[tuple[object, ...], Frame] = field(default_factory=dict)

    def explore(self) -> Found:
        """Visit all states in which a round begins, and from each all ways in which it may end.

        Raises:
            BrokenRuleError: When a property does not hold in one of them.
        """
        found, config = Found(), self.protocol.config
        first = canonical(self.protocol, self.protocol.start())
        far = {first: 1}
        waiting = [(rank(config, first), 0, first)]
        while waiting:
            # In order of rank, which all steps raise: so how far a state is, is known by its turn.
            _, _, state = heappop(waiting)
            for after in self.after(state, found):
                if after not in far:
                    heappush(waiting, (rank(config, after), len(far), after))
                far[after] = max(far.get(after, 0), far[state] + (after.stage == "round"))
        found.borders, found.longest = set(far), max(far.values())
        found.states += sum(state.stage != "round" for state in far)
        return found

    def after(self, state: State, found: Found) -> Iterator[State]:
        """Give out the states that may come after a round, or after settling."""
        if state.stage == "settled":
            steps = [(state, *step) for step in self.protocol.steps(state)]
        elif state.stage == "round":
            frame = self.frame(state)
            found.states += frame.states
            found.transitions += frame.transitions
            ends = [state._replace(seats=end.seats, limit=end.limit) for end in frame.ends]
            steps = [(end, CLOSE, self.protocol.closed(end)) for end in ends]
        else:
            steps = []
        if not steps and state.stage != "end":
            raise BrokenRuleError(["L1: nothing can happen any more"], [(None, state)])
        found.transitions += len(steps)
        for before, action, after in steps:
            self.check(state, before, action, after)
            yield canonical(self.protocol, after)

    def check(self, begun: State, before: State, action: Action, after: State) -> None:
        """Check a step; `begun` is the state from which it was found."""
        wrong = problems(self.protocol.config, before, action, after)
        if wrong:
            raise BrokenRuleError(wrong, [(None, begun), (None, before), (action, after)])

    def frame(self, state: State) -> Frame:
        """Return what may happen in a round that begins like this one."""
        key = self.read_inside(state)
        if key not in self.frames:
            self.frames[key] = self.inside(state)
        return self.frames[key]

    def read_inside(self, state: State) -> tuple[object, ...]:
        """Return all that the steps inside a round read of the state in which it begins."""
        agents = self.protocol.everybody
        return (
            tuple(seat.kind for seat in state.seats),
            tuple(state.drafts[a] > 0 for a in agents),
            tuple(self.protocol.may_answer(state, a) for a in agents),
            tuple(answer > 0 for answer in state.answers),
            not any((*state.drafts, *state.failed, state.debates, state.opened > 1)),
            state.limit,
        )

    def inside(self, first: State) -> Frame:
        """Visit all states inside a round."""
        frame, known, waiting = Frame(0, 0, []), {first}, [first]
        ends: dict[tuple[object, ...], State] = {}
        while waiting:
            state = waiting.pop()
            if not any(seat.kind in RUNNING for seat in state.seats):
                for end in self.filled_in(state):
                    ends.setdefault(self.effect(end), end)
                continue
            for action, after in self.protocol.steps(state):
                if not self.stands_for_others(state, action):
                    continue
                self.check(first, state, action, after)
                frame.transitions += 1
                if after not in known:
                    known.add(after)
                    waiting.append(after)
        frame.states, frame.ends = len(known), list(ends.values())
        return frame

    def stands_for_others(self, state: State, action: Action) -> bool:
        """Whether a step is the first of those that nobody tells apart inside a round."""
        if action.kind == "vote":
            return action.arg == self.protocol.targets(state, action.agent)[0]
        return action.kind != "answer" or action.arg == NOBODY

    def filled_in(self, state: State) -> Iterator[State]:
        """Give out all that the seats of a round may be, whomever votes are for, and so on."""
        authors = self.protocol.authors(state.seats)
        if authors:
            for named in same_texts(authors):
                seats = tuple(
                    Seat("answer", named[a]) if a in named else seat
                    for a, seat in enumerate(state.seats)
                )
                yield state._replace(seats=seats)
            return
        choices = [
            [Seat("vote", peer) for peer in self.protocol.targets(state, a)]
            if seat.kind == "vote"
            else [seat]
            for a, seat in enumerate(state.seats)
        ]
        for seats in product(*choices):
            yield state._replace(seats=seats)

    def effect(self, state: State) -> tuple[object, ...]:
        """Return what the end of a round says to what comes next."""
        seats = state.seats
        if any(seat.kind == "answer" for seat in seats):
            told = {"answer", "failed", "out"}
            return (state.limit, *(s if s.kind in told else "silent" for s in seats))
        if self.protocol.config.self_votes == "ignore":
            return (state.limit, *seats)
        votes = sorted(seat.arg for seat in seats if seat.kind == "vote")
        return (state.limit, *(seat.kind for seat in seats), *votes)


def same_texts(authors: Sequence[int]) -> Iterator[dict[int, int]]:
    """Give out all ways in which answers may be the same: author -> who stands for the text."""
    if not authors:
        yield {}
        return
    *others, last = authors
    for named in same_texts(others):
        for first in sorted({*named.values(), last}):
            yield named | {last: first}
