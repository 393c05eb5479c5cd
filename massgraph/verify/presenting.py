"""S6: one agent presents, once, what is the final answer."""

from __future__ import annotations

from ..nodes.events import FinalText, PresentingEnded, PresentingStarted, RunFinished
from ..outcomes import OVER
from .facts import Facts
from .finding import Found


def _mode(facts: Facts) -> str:
    """Return how the final answer is to come about."""
    if facts.setting.sits_out:
        return "synthesize"
    alone = facts.winner is not None and facts.winner.settled_by == "single"
    return "reuse" if alone else facts.setting.policy.final


def _presenter(facts: Facts) -> str | None:
    """Return who is to present; None in a graph of one's own."""
    setting = facts.setting
    if setting.shape is None or facts.winner is None:
        return None
    named = _mode(facts) == "synthesize" and setting.policy.presenter
    return named or facts.winner.winner


def by_the_presenter(facts: Facts, event: PresentingStarted | PresentingEnded) -> Found:
    """S6: presenting comes after settling, and is the work of the one whose it is."""
    if facts.winner is None:
        yield "S6", f"{event.agent} presents before there is a winner"
    presenter = _presenter(facts)
    if presenter is not None and event.agent != presenter:
        yield "S6", f"{event.agent} presents, and not {presenter}"
    if facts.presented is not None:
        yield "S6", f"{event.agent} presents a second time"
    if event.attempt > facts.setting.policy.attempts:
        yield "S8", f"{event.agent} is at try {event.attempt} of presenting"


def begins_each_try_once(facts: Facts, event: PresentingStarted) -> Found:
    """S6: a try of presenting begins once in an attempt of the run."""
    if facts.presenting is not None and event.attempt <= facts.tries:
        yield "S6", f"{event.agent} begins to present a second time, at try {event.attempt}"


def is_told_while_presenting(facts: Facts, event: FinalText) -> Found:
    """S6: the final answer is written by who presents."""
    if facts.presenting != event.agent:
        yield "S6", f"{event.agent} writes a final answer, and does not present"


def in_the_right_way(facts: Facts, event: PresentingEnded) -> Found:
    """S6: the answer came about as the policy says, or is the stored one."""
    mode = _mode(facts)
    if facts.setting.shape is None or event.presented in (None, "fallback"):
        return
    if event.presented == mode or (event.presented == "present" and mode == "reuse"):
        return  # a stored answer that gets another form is presented
    yield "S6", f"the answer was got by {event.presented}, where {mode} is due"


def ends_with_one(facts: Facts, event: RunFinished) -> Found:
    """S6, L1: a settled run has its one presentation, and any end of its own a verdict."""
    outcome = event.result.get("outcome")
    presented = facts.presented is not None and facts.presented.presented is not None
    if outcome == "settled" and not presented:
        yield "S6", "the run is settled, and nothing was presented"
    if outcome != "settled" and presented and not facts.cancelled:
        yield "S6", f"a final answer was presented, and the outcome is {outcome}"
    ended = outcome in OVER
    if ended and not facts.settled and not facts.tells_an_old_end(event):
        yield "L1", f"the run is {outcome} without a verdict"
    if outcome in OVER and facts.place == "no_answer" != outcome:
        yield "S6", f"the verdict was no_answer, and the outcome is {outcome}"


def gives_that_answer(facts: Facts, event: RunFinished) -> Found:
    """S6: the answer of the result is the one that was presented."""
    end, answer = facts.presented, event.result.get("answer")
    if event.result.get("outcome") != "settled":
        if answer is not None:
            yield "S6", "there is an answer without a settled run"
        return
    if end is None or end.presented is None:
        return
    if end.presented in ("reuse", "fallback"):
        stored = _stored(facts)
        if stored is not None and answer != stored:
            yield "S6", "the answer is not the stored one"
        return
    told = "".join(facts.final_text.get(end.attempt, []))
    if told and not facts.setting.typed and answer != told:
        yield "S6", "the answer is not the one that was written"


def _stored(facts: Facts) -> str | None:
    """Return the winner's answer; who merges may have none, then the one registered first."""
    winner = facts.winner.winner if facts.winner is not None else ""
    found = (facts.texts[a] for a in (winner, *facts.setting.agents) if a in facts.texts)
    return next(found, None)
