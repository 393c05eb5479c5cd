"""Records for tests: real ones, of each kind of run, and small edits of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from massgraph.backends.scripted import ScriptedBackend
from massgraph.nodes import events as ev
from massgraph.nodes.events import Event

from ..protocol.stage import answer, final, play, vote

Edit = Callable[[list[Event]], Sequence[Event]]


@cache
def record(kind: str) -> tuple[Event, ...]:
    """Return the events of a real run of a kind."""
    return tuple(KINDS[kind]())


def team() -> list[Event]:
    """Two answers at once, a vote each, and a third agent that gave none."""
    return play(
        {"max_calls": 12, "max_tokens": 100_000},
        alice=[answer("4"), vote("agent1", "mine"), final("It is 4.")],
        bob=[answer("5"), vote("agent1", "hers")],
        carol=[answer("5"), vote("agent2", "his")],
    ).events


def debated() -> list[Event]:
    """No majority at first, and then one; a vote for oneself that does not count."""
    return play(
        {"rule": "majority", "final": "reuse", "max_debate_rounds": 1},
        graph="debate",
        alice=[answer("4"), vote("agent1"), vote("agent2", "well said")],
        bob=[answer("5"), vote("agent2"), vote("agent2")],
        carol=[answer("6"), vote("agent3"), vote("agent2")],
    ).events


def restarted() -> list[Event]:
    """A new answer that stops a peer at work."""
    return play(
        {},
        alice=[answer("4"), answer("44"), vote("agent1"), final("It is 44.")],
        bob=[answer("5"), vote("agent1", delay=5), vote("agent1")],
    ).events


def early() -> list[Event]:
    """Two of three votes leave nothing to decide, and the third is not waited for."""
    return play(
        {"settle_early": True, "final": "reuse"},
        alice=[answer("4"), vote("agent1")],
        bob=[answer("5"), vote("agent1")],
        carol=[answer("6"), vote("agent3", delay=5)],
    ).events


def failing() -> list[Event]:
    """An agent that never acts, and sits out."""
    return play(
        {"final": "reuse"},
        alice=[answer("4"), vote("agent1")],
        bob=[{"text": "?"}, {"text": "?"}, {"text": "?"}],
    ).events


def unfinished() -> list[Event]:
    """A turn that a deadline cuts, and that is asked for again."""
    return play(
        {"round_deadline_s": 10.0, "soft_deadline_s": 10.0},
        alice=[answer("4"), vote("agent1"), final("It is 4.")],
        bob=[answer("5"), {"text": "Well", "hang": True}, vote("agent1")],
    ).events


def nobody() -> list[Event]:
    """Nobody has an answer."""
    return play({}, alice=[{"text": "?"}] * 3).events


def of_graph(graph: str, number: int, **policy: Any) -> Callable[[], list[Event]]:
    """Return what plays a graph with agents that answer, vote for the first, and present."""

    def events() -> list[Event]:
        names = ("alice", "bob", "carol")[:number]
        scripts = {
            name: ScriptedBackend(
                [
                    {"when": "no_answers", "new_answer": f"answer of {name}"},
                    {"when": "answers", "vote": "first", "reason": "good"},
                    final("The end."),
                ]
            )
            for name in names
        }
        return play(policy, graph=graph, **scripts).events

    return events


KINDS: dict[str, Callable[[], list[Event]]] = {
    "team": team,
    "debated": debated,
    "restarted": restarted,
    "early": early,
    "failing": failing,
    "unfinished": unfinished,
    "nobody": nobody,
    "debate": of_graph("debate", 3),
    "council": of_graph("council", 3),
    "mixture": of_graph("mixture", 3),
    "self_consistency": of_graph("self_consistency", 1),
    "single": of_graph("single", 1),
    "alone": of_graph("team", 1),
}
"""Real runs by name."""


def numbered(events: Sequence[Event]) -> list[Event]:
    """Return events with numbers without gaps: what is left is an edit's own doing."""
    return [dataclasses.replace(event, seq=number) for number, event in enumerate(events, 1)]


def change(kind: type, place: int = 0, **values: Any) -> Edit:
    """Return the edit that changes the fields of the nth event of a type."""

    def edit(events: list[Event]) -> list[Event]:
        at = nth(events, kind, place)
        events[at] = dataclasses.replace(events[at], **values)
        return events

    return edit


def drop(kind: type, place: int = 0) -> Edit:
    """Return the edit that drops the nth event of a type, and numbers the others anew."""

    def edit(events: list[Event]) -> list[Event]:
        del events[nth(events, kind, place)]
        return numbered(events)

    return edit


def again(kind: type, place: int = 0, *, at: int | None = None, **values: Any) -> Edit:
    """Return the edit that tells the nth event of a type a second time, there or elsewhere."""

    def edit(events: list[Event]) -> list[Event]:
        found = nth(events, kind, place)
        copy = dataclasses.replace(events[found], **values)
        where = found + 1 if at is None else at % (len(events) + 1)
        there = events[min(where, len(events) - 1)]
        stamp = {"t": there.t, "round": there.round, "epoch": there.epoch}
        events.insert(where, dataclasses.replace(copy, **stamp))
        return numbered(events)

    return edit


def result(**values: Any) -> Edit:
    """Return the edit that changes keys of the result."""

    def edit(events: list[Event]) -> list[Event]:
        end = events[-1]
        assert isinstance(end, ev.RunFinished)
        events[-1] = dataclasses.replace(end, result=end.result | values)
        return events

    return edit


def policy(**values: Any) -> Edit:
    """Return the edit that changes keys of the policy."""

    def edit(events: list[Event]) -> list[Event]:
        begun = events[0]
        assert isinstance(begun, ev.RunStarted)
        events[0] = dataclasses.replace(begun, policy=begun.policy | values)
        return events

    return edit


def nth(events: Sequence[Event], kind: type, place: int) -> int:
    """Return where the nth event of a type is; from the end, if it is negative."""
    return [at for at, event in enumerate(events) if isinstance(event, kind)][place]
