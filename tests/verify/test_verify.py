"""Real records verify clean, and what can't be checked is said."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from massgraph.graphs.coordination import coordination
from massgraph.nodes import events as ev
from massgraph.nodes.events import Event
from massgraph.nodes.rules import Decision
from massgraph.verify import INVARIANTS, verify

from ..protocol.stage import answer, final, play, vote
from .records import KINDS, change, nth, numbered, record


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_record_is_clean(kind: str) -> None:
    """Nothing is found in a run of any prebuilt graph, and all but S9 and S10 is checked."""
    verified = verify(record(kind))
    assert verified.ok, verified.violations
    assert set(verified.checked) == set(INVARIANTS) - {"S9", "S10"}
    assert verified.notes == ("S10: no keys are known that could be looked for",)


@pytest.mark.parametrize("kind", ["team", "debated", "restarted"])
def test_a_record_without_an_end_is_checked_so_far(kind: str) -> None:
    """Wherever it stops, it is clean, and a note says that it has no end."""
    for length in range(1, len(record(kind)) - 1):
        verified = verify(record(kind)[:length])
        assert verified.ok, verified.violations
        assert "the record has no end: the run goes on, or was cut off" in verified.notes


def test_no_events_are_no_violation() -> None:
    """A run of which nothing was told yet has no end."""
    assert verify([]).ok


def nobody_wins(ballots: Any, candidates: Any, electorate: Any, options: Any) -> Decision | None:
    """Elect whom the last ballot is for."""
    return Decision(ballots[-1]["candidate"]) if ballots else None


def only_bob(sight: Any) -> list[str]:
    """See bob's answer."""
    return ["bob"]


def of_ones_own() -> list[Event]:
    """Return the record of a graph, a rule and a visibility of one's own."""
    return play(
        {"rule": nobody_wins, "visibility": only_bob},
        graph=lambda members, policy: coordination(members, policy, name="mine"),
        alice=[answer("4"), vote("agent2"), final("5!")],
        bob=[answer("5"), vote("agent2"), final("5!")],
    ).events


def test_what_can_not_be_worked_out_again_is_said() -> None:
    """Functions and graphs of one's own are skipped, each with a note; given, they are asked."""
    events = of_ones_own()
    verified = verify(events)
    assert verified.ok, verified.violations
    for note in ("'nobody_wins' is a rule", "'only_bob' is a visi", "'mine' is a graph"):
        assert sum(note in one for one in verified.notes) == 1
    own: dict[str, Callable[..., Any]] = {"nobody_wins": nobody_wins, "only_bob": only_bob}
    assert verify(events, own=own).ok
    lied = change(ev.WinnerSelected, winner="alice", dissent=[])(list(events))
    assert "S5" in {found.invariant for found in verify(lied, own=own).violations}
    shown = change(ev.TurnStarted, 3, answers=["agent1", "agent2"])(list(events))
    assert "S2" in {found.invariant for found in verify(shown, own=own).violations}
    assert "S2" not in {found.invariant for found in verify(shown).violations}


def test_a_rule_that_raises_is_found() -> None:
    """A rule of one's own that fails now is a violation, and no traceback."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    verified = verify(of_ones_own(), own={"nobody_wins": broken, "only_bob": only_bob})
    assert any("ZeroDivisionError" in str(found) for found in verified.violations)


def test_keys_are_found_whole_and_in_pieces() -> None:
    """A secret in an event, or cut in two by deltas, is found, and not repeated."""
    key = "sk-" + "0123456789" * 2
    events = list(record("team"))
    text = ev.AgentText(agent="alice", delta=f"I am {key[:9]}", round=1, epoch=1)
    at = nth(events, ev.TurnStarted, 0) + 1
    pieces = numbered([*events[:at], text, dataclasses.replace(text, delta=key[9:]), *events[at:]])
    (found,) = verify(pieces, secrets=[key]).violations
    assert (found.invariant, found.line) == ("S10", at + 2)
    assert key not in str(found)
    whole = change(ev.VoteCast, reason=f"({key})")(list(events))
    assert "S10" in {found.invariant for found in verify(whole, secrets=[key]).violations}
    clean = verify(events, secrets=[key, "4"])
    assert clean.ok, "what is too short for a key is not looked for"
    assert "S10" in clean.checked
    assert not clean.notes


def dropped(events: list[Event], rng: random.Random) -> list[Event]:
    del events[rng.randrange(len(events) - 1)]
    return events


def told_twice(events: list[Event], rng: random.Random) -> list[Event]:
    at = rng.randrange(len(events))
    return [*events[: at + 1], *events[at:]]


def swapped(events: list[Event], rng: random.Random) -> list[Event]:
    one, other = rng.sample(range(len(events)), 2)
    events[one], events[other] = events[other], events[one]
    return events


def other_winner(events: list[Event], rng: random.Random) -> list[Event]:
    at = nth(events, ev.WinnerSelected, 0)
    selected: Any = events[at]
    others = [agent for agent in ("alice", "bob", "carol") if agent != selected.winner]
    events[at] = dataclasses.replace(selected, winner=rng.choice(others))
    return events


def other_candidate(events: list[Event], rng: random.Random) -> list[Event]:
    at = rng.choice([at for at, e in enumerate(events) if isinstance(e, ev.VoteCast)])
    cast: Any = events[at]
    others = [agent for agent in ("alice", "bob", "carol") if agent != cast.candidate]
    events[at] = dataclasses.replace(cast, candidate=rng.choice(others))
    return events


def other_place(events: list[Event], rng: random.Random) -> list[Event]:
    at = rng.randrange(1, len(events))
    place = {rng.choice(["epoch", "round"]): rng.choice([0, 7])}
    events[at] = dataclasses.replace(events[at], **place)  # type: ignore[arg-type]
    return events


def lost_quietly(events: list[Event], rng: random.Random) -> list[Event]:
    return numbered(dropped(events, rng))


def swapped_quietly(events: list[Event], rng: random.Random) -> list[Event]:
    return numbered(swapped(events, rng))


ALWAYS = (dropped, told_twice, swapped, other_winner, other_candidate, other_place)
MOSTLY = {lost_quietly: 0.7, swapped_quietly: 0.9}
"""Edits that give the events numbers without gaps, and the share of them that is found at least.

The rest takes away or moves what no invariant speaks of: pieces of text, say.
"""


def test_random_edits_are_found() -> None:
    """What breaks the numbers, the winner, a vote or an epoch is always found, the rest mostly."""
    rng, found, tried = random.Random(5), Counter[str](), Counter[str]()
    for _ in range(60):
        for edit in (*ALWAYS, *MOSTLY):
            events = record(rng.choice(["team", "debated", "restarted", "unfinished"]))
            edited = edit(list(events), rng)
            if edited != list(events):
                tried[edit.__name__] += 1
                found[edit.__name__] += not verify(edited).ok
    for edit in ALWAYS:
        assert found[edit.__name__] == tried[edit.__name__] > 50, edit.__name__
    for edit, share in MOSTLY.items():
        assert found[edit.__name__] >= share * tried[edit.__name__], (edit.__name__, found, tried)


def test_a_damaged_record_raises_nothing() -> None:
    """Whatever values an event holds, the answer is a violation."""
    rng = random.Random(7)
    junk: list[Any] = [None, -1, "agentX", [], {}, [None], [{}], {"agent": 1}]
    events = record("team")
    for _ in range(300):
        at = rng.randrange(len(events))
        names = [field.name for field in dataclasses.fields(events[at]) if field.init]
        name = rng.choice([n for n in names if n not in ("v", "thread_id", "run_attempt", "seq")])
        broken = dataclasses.replace(events[at], **{name: rng.choice(junk)})
        verify([*events[:at], broken, *events[at + 1 :]])
