"""Each check finds the record that violates it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from massgraph.nodes import events as ev
from massgraph.nodes.agent_turn import CANCELLED, RELEASED
from massgraph.nodes.events import Event
from massgraph.nodes.rules import cast_vote
from massgraph.nodes.state import no_usage
from massgraph.verify import INVARIANTS, verify

from .records import Edit, again, change, drop, nth, numbered, policy, record, result


def usage(**used: Any) -> dict[str, Any]:
    return {"usage": no_usage() | used}


def late(seconds: float, kind: type, place: int = 0) -> Edit:
    """Return the edit that lets an event, and all that follow it, come later."""

    def edit(events: list[Event]) -> list[Event]:
        at = nth(events, kind, place)
        rest = [dataclasses.replace(event, t=event.t + seconds) for event in events[at:]]
        return [*events[:at], *rest]

    return edit


def revealed(events: list[Event]) -> Sequence[Event]:
    """Let an answer be one that its author did not write."""
    at = nth(events, ev.AnswersAccepted, 0)
    accepted: Any = events[at]
    texts = [answer | {"text": "forged"} for answer in accepted.answers]
    events[at] = dataclasses.replace(accepted, answers=texts)
    return events


def shown(events: list[Event]) -> Sequence[Event]:
    """Let an answer be the one that stood there before, but for white space."""
    at = nth(events, ev.AnswersAccepted, 1)
    accepted: Any = events[at]
    same = [answer | {"text": " 4"} for answer in accepted.answers]
    events[at] = dataclasses.replace(accepted, answers=same)
    return events


def of_old(events: list[Event]) -> Sequence[Event]:
    """Let an answer be of an older epoch."""
    at = nth(events, ev.AnswersAccepted, 0)
    accepted: Any = events[at]
    old = [answer | {"epoch": 1} for answer in accepted.answers]
    events[at] = dataclasses.replace(accepted, answers=old)
    return events


def merged(events: list[Event]) -> Sequence[Event]:
    """Let one of two answers be left out."""
    at = nth(events, ev.AnswersAccepted, 0)
    accepted: Any = events[at]
    events[at] = dataclasses.replace(accepted, answers=accepted.answers[:1])
    return events


def swapped(events: list[Event]) -> Sequence[Event]:
    """Let two events change places, with their numbers."""
    events[3], events[9] = events[9], events[3]
    return events


LOST_VOTE = cast_vote("bob", "alice", "hers", 2)

EDITS: list[tuple[str, str, str, Edit]] = [
    ("S1", "team", "a turn begins twice", again(ev.TurnStarted)),
    ("S1", "team", "a turn ends twice", again(ev.TurnEnded)),
    ("S1", "team", "a turn has no end", drop(ev.TurnEnded, 1)),
    ("S1", "team", "a turn has no beginning", drop(ev.TurnStarted, 1)),
    ("S1", "team", "text after the turn", again(ev.AnswerText, at=14)),
    ("S1", "failing", "a try goes back", change(ev.ActionRefused, 2, attempt=1)),
    ("S1", "team", "a cancelled turn, and the run goes on",
     change(ev.TurnEnded, 3, outcome="interrupted", why=CANCELLED)),
    ("S1", "restarted", "a released turn goes on", change(ev.TurnEnded, 3, outcome="vote", why="")),
    ("S1", "restarted", "who is released is not at work",
     change(ev.AgentsReleased, agents=["alice"])),
    ("S2", "team", "a voter did not see all", change(ev.TurnStarted, 3, answers=["agent1"])),
    ("S2", "team", "labels out of order", change(ev.TurnStarted, 3, answers=["agent2", "agent1"])),
    ("S2", "team", "a vote of who did not vote",
     change(ev.TurnEnded, 3, outcome="abstained", why="?")),
    ("S2", "team", "a vote dropped for nothing", lambda events: [
        ev.VoteDropped(voter=e.voter, candidate="alice", why="", seq=e.seq, round=2, epoch=2)
        if isinstance(e, ev.VoteCast) and e.voter == "bob" else e for e in events]),
    ("S3", "team", "the epoch rises by two", change(ev.AnswersAccepted, epoch=3)),
    ("S3", "team", "an answer of an old epoch", of_old),
    ("S3", "team", "an answer is left out", merged),
    ("S3", "team", "a new answer is not published", change(ev.Verdict, verdict="unfinished")),
    ("S3", "team", "nothing is published", change(ev.AnswersAccepted, answers=[])),
    ("S3", "team", "somebody who owes is not asked",
     change(ev.RoundOpened, 1, asked=["alice", "carol"])),
    ("S3", "team", "a round without anybody", change(ev.RoundOpened, 0, asked=[])),
    ("S3", "team", "asked out of order",
     change(ev.RoundOpened, 0, asked=["bob", "alice", "carol"])),
    ("S3", "failing", "who has failed is asked", change(ev.RoundOpened, 1, asked=["alice", "bob"])),
    ("S3", "restarted", "an answer withdrawn", change(ev.AnswersAccepted, 1, withdrawn=["bob"])),
    ("S3", "restarted", "interrupted, and nobody answers",
     change(ev.TurnEnded, 2, outcome="abstained", why="?")),
    ("S3", "restarted", "interrupted at a first draft",
     change(ev.TurnEnded, 1, outcome="interrupted", why=RELEASED)),
    ("S3", "restarted", "stopped under 'finish'", policy(on_new_answer="finish")),
    ("S3", "restarted", "an answer that its author was shown", shown),
    ("S3", "debate", "an answer in a round of votes",
     change(ev.TurnEnded, 4, outcome="new_answer")),
    ("S4", "debate", "a vote in a round of answers", change(ev.TurnEnded, 0, outcome="vote")),
    ("S4", "team", "a vote for nobody", change(ev.VoteCast, candidate="mallory")),
    ("S4", "team", "a vote for who has no answer", change(ev.VoteCast, candidate="carol")),
    ("S4", "team", "a vote is told twice", again(ev.VoteCast)),
    ("S4", "team", "a vote of a stranger", change(ev.VoteCast, voter="mallory")),
    ("S4", "team", "a vote is lost", drop(ev.VoteCast, 1)),
    ("S4", "team", "a ranking under a plain rule",
     change(ev.VoteCast, ranking=["alice", "bob"])),
    ("S4", "council", "a ranking whose first is another",
     change(ev.VoteCast, ranking=["bob", "alice"])),
    ("S4", "council", "a vote under a ranked rule", change(ev.VoteCast, ranking=None)),
    ("S4", "team", "a vote for oneself, forbidden", policy(self_votes="forbid")),
    ("S4", "team", "an unknown label", change(ev.TurnStarted, 3, answers=["agent1", "agent9"])),
    ("S4", "team", "a winner without an answer", change(ev.WinnerSelected, winner="carol")),
    ("S5", "team", "another winner", change(ev.WinnerSelected, winner="bob")),
    ("S5", "team", "votes that say something else", change(ev.VoteCast, 0, candidate="bob")),
    ("S5", "team", "settled by something else", change(ev.WinnerSelected, settled_by="consensus")),
    ("S5", "team", "settled by no deadline", change(ev.WinnerSelected, settled_by="deadline")),
    ("S5", "team", "no dissent", change(ev.WinnerSelected, dissent=[])),
    ("S5", "restarted", "a dissent of nobody", change(ev.WinnerSelected, dissent=[LOST_VOTE])),
    ("S5", "team", "a voter without a vote", change(ev.Verdict, 0, verdict="settled")),
    ("S5", "team", "no answer, and there is one", change(ev.Verdict, 1, verdict="no_answer")),
    ("S5", "team", "a quorum that is not met", policy(quorum=9)),
    ("S5", "early", "settled early, and one might have decided", policy(weights={"carol": 9})),
    ("S5", "debated", "ballots that are not those cast", change(ev.DebateOpened, ballots=[])),
    ("S5", "debated", "a debate though there is a winner", policy(rule="plurality")),
    ("S5", "mixture", "the aggregator is another", change(ev.WinnerSelected, winner="alice")),
    ("S6", "team", "two presentations", again(ev.PresentingEnded)),
    ("S6", "team", "no presentation", drop(ev.PresentingEnded)),
    ("S6", "team", "two ends", again(ev.RunFinished)),
    ("S6", "team", "presenting begins twice", again(ev.PresentingStarted)),
    ("S6", "team", "another agent presents", change(ev.PresentingStarted, agent="bob")),
    ("S6", "team", "presenting before settling", again(ev.PresentingStarted, at=15)),
    ("S6", "team", "another's final text", change(ev.FinalText, agent="bob")),
    ("S6", "team", "another final text", change(ev.FinalText, delta="It is 7")),
    ("S6", "team", "another way of presenting", change(ev.PresentingEnded, presented="synthesize")),
    ("S6", "debated", "another answer than the stored one", result(answer="7")),
    ("S6", "team", "a vote after settling", again(ev.VoteCast, at=-3)),
    ("S6", "team", "a round after settling", again(ev.RoundOpened, at=-3)),
    ("S6", "team", "a verdict after settling", again(ev.Verdict, 1, at=-3)),
    ("S7", "team", "a gap", lambda events: [*events[:5], *events[6:]]),
    ("S7", "team", "an event told twice", lambda events: [*events[:5], events[4], *events[5:]]),
    ("S7", "team", "two events change places", swapped),
    ("S7", "team", "time goes back", change(ev.RoundOpened, 1, t=-1.0)),
    ("S7", "team", "the round rises by two", change(ev.RoundOpened, 1, round=3)),
    ("S7", "team", "the epoch falls", change(ev.Verdict, 1, epoch=1)),
    ("S7", "team", "a forged answer", revealed),
    ("S7", "team", "no verdict", drop(ev.Verdict, 0)),
    ("S7", "team", "no beginning", drop(ev.RunStarted)),
    ("S7", "team", "two beginnings", again(ev.RunStarted, at=4)),
    ("S7", "team", "less than nothing was used", change(ev.TurnEnded, **usage(calls=-1))),
    ("S7", "team", "usage of which nobody told", change(ev.TurnEnded, **usage(calls=2))),
    ("S7", "team", "another winner in the result", result(winner="bob")),
    ("S7", "team", "votes left out of the result", result(votes=[])),
    ("S7", "team", "more rounds in the result", result(rounds=9)),
    ("S7", "team", "a key of the result is gone", result(failures={"bob": {}})),
    ("S7", "team", "another time in the result", result(duration_s=50.0)),
    ("S7", "team", "an impossible policy", policy(rule="plurality", attempts=0)),
    ("S7", "team", "a damaged event", change(ev.AnswersAccepted, answers=[{"text": "?"}])),
    ("S1", "team", "a call of who is not at work", again(ev.CallEnded, at=2)),
    ("S7", "team", "a call is not told", drop(ev.CallEnded, 1)),
    ("S7", "team", "the first call is not told", drop(ev.CallEnded, 0)),
    ("S7", "team", "the presenting call is not told", drop(ev.CallEnded, -1)),
    ("S7", "team", "a call is told twice", again(ev.CallEnded, 1)),
    ("S7", "team", "another agent's call", change(ev.CallEnded, 4, agent="carol")),
    ("S7", "team", "a call used more than its turn",
     change(ev.CallEnded, 2, **usage(calls=1, input_tokens=10**6))),
    ("S7", "team", "two calls in one", change(ev.CallEnded, 2, **usage(calls=2))),
    ("S7", "team", "a call that was stopped, and was not", change(ev.CallEnded, 2, stopped=True)),
    ("S7", "unfinished", "a call that was cut came to its end",
     change(ev.CallEnded, 3, finish_reason="stop")),
    ("S8", "team", "a call too many in a turn", policy(max_calls=6)),
    ("S8", "team", "more tries than allowed", change(ev.AnswerText, attempt=4)),
    ("S8", "team", "more requests than tries", change(ev.TurnEnded, **usage(calls=9))),
    ("S8", "restarted", "more answers than allowed", policy(max_answers_per_agent=1)),
    ("S8", "team", "more calls than the budget", policy(max_calls=2)),
    ("S8", "team", "a call without tokens left", policy(max_tokens=1)),
    ("S8", "unfinished", "unfinished too often", policy(max_unfinished_rounds=0)),
    ("S5", "team", "unfinished, and nobody owes", change(ev.Verdict, 1, verdict="unfinished")),
    ("S8", "debated", "a debate too many", policy(max_debate_rounds=0)),
    ("S11", "team", "an event after the end", again(ev.TurnStarted, at=-1)),
    ("L1", "team", "a run that is too long", late(5000, ev.RunFinished)),
    ("L1", "team", "an end without a verdict", drop(ev.Verdict, 1)),
    ("L2", "team", "a turn that is too long", late(400, ev.TurnEnded, 1)),
]  # fmt: skip
"""The invariant, a real record, and what is done to it."""


@pytest.mark.parametrize(("name", "kind", "what", "edit"), EDITS, ids=[e[2] for e in EDITS])
def test_a_violation_is_found(name: str, kind: str, what: str, edit: Edit) -> None:
    """A real record with one small edit breaks the invariant that the edit is about."""
    verified = verify(edit(list(record(kind))))
    assert name in {found.invariant for found in verified.violations}, verified.violations
    assert not verified.ok
    assert all(str(found).startswith(f"{found.invariant}: ") for found in verified.violations)


def test_every_invariant_that_a_record_shows_is_broken_by_some_edit() -> None:
    """No invariant is only said to be checked; attempts and keys have tests of their own."""
    assert {name for name, *_ in EDITS} == set(INVARIANTS) - {"S9", "S10"}


def test_a_violation_names_its_event() -> None:
    """It says which line, number and attempt it is about, also as plain values."""
    (found,) = verify(change(ev.WinnerSelected, dissent=[])(list(record("team")))).violations[:1]
    event = record("team")[found.line - 1]
    assert (found.seq, found.type) == (event.seq, "winner_selected")
    assert str(found) == (
        f"S5: the dissent is not the votes that lost (line {found.line}, winner_selected)"
    )
    assert found.to_dict()["invariant"] == "S5"
    assert numbered(record("team")) == list(record("team"))
