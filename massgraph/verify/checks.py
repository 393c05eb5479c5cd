"""Which checks an event of a type has to pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from ..nodes import events as ev
from . import answers, ballots, calls, limits, order, presenting, result, settling, turns
from .facts import Facts
from .finding import Found

Check = Callable[[Facts, Any], Found]
"""Finds what is wrong with an event, by what the events before it have said."""

_EVERY: tuple[Check, ...] = (order.in_order, order.nothing_comes_after_the_end)

_OWN: Mapping[type, tuple[Check, ...]] = {
    ev.RoundOpened: (answers.everybody_owing_is_asked,),
    ev.TurnStarted: (turns.begins, turns.sees),
    ev.CallEnded: (
        calls.is_one,
        calls.is_told_like_all,
        calls.is_within_the_budget,
        result.is_no_refund,
    ),
    ev.TurnEnded: (
        calls.make_up_the_turn,
        turns.ends,
        turns.holds_nobody_up,
        limits.of_a_turn,
        limits.of_the_budget,
        result.is_no_refund,
    ),
    ev.AgentsReleased: (turns.releases,),
    ev.AnswersAccepted: (
        answers.are_those_given,
        answers.replace_older_ones,
        answers.are_none_that_was_shown,
    ),
    ev.VoteCast: (ballots.is_for_a_current_answer, ballots.is_fresh, ballots.fits_the_policy),
    ev.VoteDropped: (ballots.is_dropped_for_an_answer,),
    ev.Verdict: (
        turns.all_have_ended,
        ballots.all_are_counted,
        settling.may_be,
        limits.of_rounds,
    ),
    ev.DebateOpened: (settling.shows_the_ballots,),
    ev.WinnerSelected: (
        settling.is_the_rules,
        settling.is_settled_by_that,
        settling.has_this_dissent,
        settling.waits_for_who_may_decide,
    ),
    ev.PresentingStarted: (presenting.by_the_presenter, presenting.begins_each_try_once),
    ev.FinalText: (presenting.is_told_while_presenting,),
    ev.PresentingEnded: (
        presenting.by_the_presenter,
        presenting.in_the_right_way,
        calls.make_up_the_presentation,
        limits.of_the_budget,
        result.is_no_refund,
    ),
    ev.RunFinished: (
        turns.none_is_open,
        presenting.ends_with_one,
        presenting.gives_that_answer,
        limits.of_time,
    ),
}

_NOT_OF_A_TURN = (ev.TurnStarted, ev.PresentingStarted, ev.FinalText, ev.PresentingEnded)


def _checks_of(kind: type) -> tuple[Check, ...]:
    at_work = issubclass(kind, ev.AgentStamp) and kind not in _NOT_OF_A_TURN
    placed = (order.in_its_place,) if kind in order.STEPS else ()
    return (
        *_EVERY,
        *((turns.is_of_a_turn,) if at_work else ()),
        *placed,
        *_OWN.get(kind, ()),
    )


CHECKS: Mapping[type, tuple[Check, ...]] = {kind: _checks_of(kind) for kind in get_args(ev.Event)}
"""Event type -> its checks, in order."""
