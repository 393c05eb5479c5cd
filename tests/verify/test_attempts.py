"""Records of runs that were cut, and went on."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from massgraph.nodes import events as ev
from massgraph.nodes.events import Event
from massgraph.nodes.record import fold_events
from massgraph.nodes.state import Outcome, no_usage
from massgraph.verify import Verified, verify

from .records import change, nth, record, result

STORED = (
    ev.RunStarted,
    ev.RoundOpened,
    ev.AnswersAccepted,
    ev.DebateOpened,
    ev.WinnerSelected,
    ev.PresentingEnded,
)

PRESENTING = (ev.PresentingStarted, ev.PresentingEnded)


def stored_at(events: Sequence[Event], cut: int) -> int:
    """Return the last event that is part of what was stored when an event was the last told."""
    return max(
        place
        for place in range(cut + 1)
        if isinstance(events[place], STORED)
        or (place < cut and isinstance(events[place + 1], ev.Verdict))
    )


def outcome_of(events: Sequence[Event], place: int) -> Outcome:
    """Return the outcome that the machine stores of a turn that has ended."""
    end = events[place]
    assert isinstance(end, ev.TurnEnded)
    votes = (e for e in events[place:] if isinstance(e, ev.VoteCast | ev.VoteDropped))
    written = (
        e.delta
        for e in events[:place]
        if isinstance(e, ev.AnswerText) and (e.agent, e.round) == (end.agent, end.round)
    )
    voted = end.outcome == "vote"
    return Outcome(
        agent=end.agent,
        round=end.round,
        epoch=end.epoch,
        outcome=end.outcome,
        text="".join(written) if end.outcome == "new_answer" else end.why,
        candidate=next(v.candidate for v in votes if v.voter == end.agent) if voted else None,
        kind=end.kind,
        usage=end.usage,
    )


def resumed(events: Sequence[Event], cut: int, *, back: int | None = None) -> list[Event]:
    """Return the record of a run that was cut after an event, and that went on.

    Args:
        events: The record of the run without a cut.
        cut: The place of the last event of the first attempt.
        back: The place of the last event that was stored.
    """
    begun: Any = events[0]
    back = stored_at(events, cut) if back is None else back
    over = {
        getattr(event, "agent", ""): outcome_of(events, place)
        for place, event in enumerate(events[: cut + 1])
        if place > back and isinstance(event, ev.TurnEnded)
    }
    state = copy.deepcopy(fold_events(events[: back + 1]).state)
    went_on = ev.RunResumed(
        question=begun.question,
        agents=begun.agents,
        policy=begun.policy,
        graph=begun.graph,
        state=state,
        outcomes=list(over.values()),
        t=events[back].t,
        round=state["round"],
        epoch=state["epoch"],
    )
    places = (p for p, event in enumerate(events) if isinstance(event, PRESENTING))
    presenting = next(places, len(events))
    rest = [
        event
        for place, event in enumerate(events)
        if place > back
        and (
            place >= presenting
            or event.round != state["round"]
            or getattr(event, "agent", None) not in over
        )
    ]
    rest = [
        event
        for event in rest
        if not (isinstance(event, ev.AgentsReleased) and event.because_of in over)
        or event.round != state["round"]
    ]
    return [*events[: cut + 1], *with_attempt([went_on, *rest])]


def with_attempt(events: Sequence[Event]) -> list[Event]:
    """Return events as those of a second attempt."""
    return [
        dataclasses.replace(event, run_attempt=2, seq=seq) for seq, event in enumerate(events, 1)
    ]


def found(verified: Verified) -> set[str]:
    return {one.invariant for one in verified.violations}


@pytest.mark.parametrize("kind", ["team", "debated", "restarted", "mixture", "self_consistency"])
def test_a_run_may_be_cut_after_any_event(kind: str) -> None:
    """Wherever it was cut, it goes on from its last step, with the turns that had ended."""
    events = record(kind)
    for cut in range(1, len(events) - 1):
        verified = verify(resumed(events, cut))
        assert verified.ok, (cut, events[cut], verified.violations)
        assert "S9" in verified.checked


def test_it_may_have_to_do_its_last_step_again() -> None:
    """A step that was told and not stored comes again: here, the publishing."""
    events = record("team")
    published = nth(events, ev.AnswersAccepted, 0)
    assert verify(resumed(events, published, back=published - 2)).ok


def test_it_can_not_go_on_from_an_older_state() -> None:
    """What was published, and followed by a round, is not taken back."""
    events = record("team")
    opened = nth(events, ev.RoundOpened, 1)
    published = nth(events, ev.AnswersAccepted, 0)
    verified = verify(resumed(events, opened + 1, back=published - 2))
    assert "S7" in found(verified)


@pytest.mark.parametrize("key", ["answers", "votes", "winner", "epoch", "round", "dissent"])
def test_it_goes_on_from_what_was_told(key: str) -> None:
    """A state that no step of the attempt before had is a violation."""
    forged = {
        "answers": {},
        "votes": {},
        "winner": "bob",
        "epoch": 1,
        "round": 1,
        "dissent": [],
    }
    events = resumed(record("team"), nth(record("team"), ev.WinnerSelected, 0))
    at = nth(events, ev.RunResumed, 0)
    went_on: Any = events[at]
    state = {**went_on.state, key: forged[key]}
    events[at] = dataclasses.replace(went_on, state=state)
    assert "S7" in found(verify(events))


def test_who_had_ended_is_not_asked_again() -> None:
    """A turn whose outcome is stored is not begun again in the round that was cut."""
    events = record("team")
    cut = nth(events, ev.TurnEnded, 3)
    again = resumed(events, cut)
    at = nth(again, ev.RunResumed, 0)
    begun = dataclasses.replace(events[nth(events, ev.TurnStarted, 3)], t=again[at].t)
    after = with_attempt([again[at], begun, *again[at + 1 :]])
    assert "S9" in found(verify([*again[:at], *after]))


def test_who_was_told_to_have_ended_is_not_asked_again() -> None:
    """Its end may be told twice, where its last step was cut, but not its beginning."""
    events = record("team")
    cut = nth(events, ev.TurnEnded, 3)
    again = resumed(events, cut - 1)  # the turn is not over in what is stored
    at = nth(again, ev.RunResumed, 0)
    begins_again = [*events[: cut + 1], *again[at:]]
    assert found(verify(begins_again)) == {"S9"}
    ended: Any = events[cut]
    ends_again = [
        event
        for event in begins_again
        if not (
            isinstance(event, ev.TurnStarted)
            and event.run_attempt == 2
            and event.agent == ended.agent
        )
    ]
    after = [event for event in ends_again if event.run_attempt == 2]
    assert verify([*events[: cut + 1], *with_attempt(after)]).ok


def test_an_outcome_is_the_one_that_was_told() -> None:
    """What is stored of a turn is what its events say."""
    events = resumed(record("team"), nth(record("team"), ev.TurnEnded, 3))
    at = nth(events, ev.RunResumed, 0)
    went_on: Any = events[at]
    forged = [outcome | {"usage": no_usage() | {"calls": 7}} for outcome in went_on.outcomes]
    events[at] = dataclasses.replace(went_on, outcomes=forged)
    assert "S7" in found(verify(events))


def test_the_labels_stay() -> None:
    """A label stands for one agent over the whole question."""
    events = resumed(record("team"), nth(record("team"), ev.RoundOpened, 1))
    at = nth(events, ev.RunResumed, 0)
    went_on: Any = events[at]
    labels = dict(zip(["agent1", "agent2", "agent3"], ["bob", "alice", "carol"], strict=True))
    events[at] = dataclasses.replace(went_on, state={**went_on.state, "labels": labels})
    assert "S4" in found(verify(events))


def test_an_attempt_begins_by_saying_from_where() -> None:
    """Without run_resumed, a second attempt is a violation, once."""
    events = resumed(record("team"), nth(record("team"), ev.RoundOpened, 1))
    del events[nth(events, ev.RunResumed, 0)]
    (violation,) = verify(events).violations
    assert str(violation).startswith("S7: an attempt begins with neither run_started nor")


def test_a_run_may_be_cancelled_before_it_goes_on() -> None:
    """The attempt has an end, and nothing else."""
    events = list(record("team")[:12])
    end: Any = record("team")[-1]
    cancelled = {**end.result, "outcome": "cancelled"}
    events.append(dataclasses.replace(end, run_attempt=2, seq=1, result=cancelled))
    assert verify(events).ok


def test_a_run_that_is_over_may_be_told_again() -> None:
    """Resumed, it ends at once with the same result; another one is a violation."""
    events = record("team")
    cut = len(events) - 1
    told = resumed(events, cut)
    assert [event.type for event in told[-2:]] == ["run_resumed", "run_finished"]
    assert verify(told).ok
    assert "S7" in found(verify(result(rounds=7)(told)))


def test_the_last_attempt_may_be_all_there_is() -> None:
    """What came before is not checked, and a note says so."""
    events = resumed(record("team"), nth(record("team"), ev.RoundOpened, 1))
    second = events[nth(events, ev.RunResumed, 0) :]
    verified = verify(second)
    assert verified.ok, verified.violations
    assert "attempt 2 is the first one told" in verified.notes
    assert "S5" in found(verify(change(ev.WinnerSelected, winner="bob")(second)))


def test_events_told_last_may_be_lost() -> None:
    """A state that is ahead of the last event is taken as it is, unless the attempt had an end."""
    events = resumed(record("team"), nth(record("team"), ev.WinnerSelected, 0))
    at = nth(events, ev.RunResumed, 0)
    opened = nth(events, ev.RoundOpened, 1)
    assert verify([*events[: opened - 1], *events[at:]]).ok


def test_the_clock_does_not_begin_anew() -> None:
    """The time is stored with each round that is collected: there, or later, the run goes on."""
    events = record("team")
    cut = nth(events, ev.WinnerSelected, 0)
    late = [dataclasses.replace(event, t=event.t + 60.0) for event in events[:-1]]
    after = resumed(late, cut)
    assert verify(after).ok
    place = nth(after, ev.RunResumed, 0)
    early = [dataclasses.replace(e, t=0.0) if at == place else e for at, e in enumerate(after)]
    (found_early,) = verify(early).violations
    assert found_early.message == "the run goes on at 0 s, and 60 s are stored"
