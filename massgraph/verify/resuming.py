"""S7, S9: a run that was cut goes on from what its events have told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..nodes.agent_turn import CANCELLED
from ..nodes.events import (
    AnswersAccepted,
    DebateOpened,
    Event,
    PresentingEnded,
    RoundOpened,
    RunFinished,
    RunResumed,
    RunStarted,
    Verdict,
    WinnerSelected,
)
from ..nodes.record import Record
from ..nodes.state import no_usage
from .facts import Facts
from .finding import Found
from .setting import Setting
from .turn import Turn, tokens_of

_CORE = (
    "labels",
    "round",
    "epoch",
    "answers",
    "votes",
    "ballots",
    "winner",
    "settled_by",
    "dissent",
    "presented",
)
"""What a stored state and the fold of the events up to it have in common."""
_STORED = (
    RunStarted,
    RunResumed,
    RoundOpened,
    AnswersAccepted,
    DebateOpened,
    WinnerSelected,
    PresentingEnded,
)
"""Events after which a step of the machine is over, and its state is stored."""
LOST_STEPS = 1
"""How many steps may have been told, and not been stored: the one that was cut."""
ROUNDING_S = 0.001
"""Seconds by which a stored time may be off."""


@dataclass(frozen=True, slots=True)
class _Step:
    core: dict[str, Any]
    facts: Facts


def _is_stored(event: Event) -> bool:
    """Return whether a step is over once an event is told; a presentation may be cut."""
    cut = isinstance(event, PresentingEnded) and event.presented is None
    return type(event) in _STORED and not cut


class Steps:
    """The steps of an attempt from which the run may go on."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self.cut_short = True
        """Whether the attempt has told no end: then it may have stored more than it told."""

    def before(self, event: Event, facts: Facts, record: Record) -> None:
        """Keep the step that was over before an event: that which collects a round."""
        if type(event) is Verdict or (
            type(event) is RunFinished and facts.collected and self._is_new(record)
        ):
            self._keep(facts, record)

    def after(self, event: Event, facts: Facts, record: Record) -> None:
        """Keep the step that is over after an event."""
        if _is_stored(event):
            self._keep(facts, record)
        elif type(event) is RunFinished:
            self.cut_short = False

    def close(self, facts: Facts, record: Record) -> None:
        """Keep the last step, which may have been over: it has collected a round."""
        if facts.collected and facts.place == "round_opened":
            self._keep(facts, record)

    def _keep(self, facts: Facts, record: Record) -> None:
        self._steps.append(_Step(_core_of(record.state), facts.copy()))

    def _is_new(self, record: Record) -> bool:
        """Return whether the state is another than that of the last step."""
        return not self._steps or self._steps[-1].core != _core_of(record.state)

    def find(self, event: RunResumed) -> tuple[Facts | None, bool]:
        """Return the facts of the step from which a run goes on, and whether it is a late one.

        A round whose outcomes the run goes on with is still to be collected, whatever was told.
        """
        core = _core_of(event.state)
        for back, step in enumerate(reversed(self._steps)):
            if step.core == core and not (event.outcomes and step.facts.collected):
                return step.facts.copy(), back <= LOST_STEPS
        return None, False

    def least_t(self, event: RunResumed) -> float:
        """Return the time that was stored at least with the step from which a run goes on."""
        core = _core_of(event.state)
        return min((s.facts.collected_t for s in self._steps if s.core == core), default=0.0)


def _core_of(state: Any) -> dict[str, Any]:
    kept = {key: state[key] for key in _CORE}
    return {**kept, "votes": dict(kept["votes"])}


def goes_on(event: RunResumed, last: Facts, steps: Steps) -> Found:
    """Find what is wrong with where a run goes on.

    Args:
        event: The first event of the new attempt.
        last: What the events before have said.
        steps: The steps of the attempt before.
    """
    facts, late = steps.find(event)
    state = event.state
    if list(state["labels"].values()) != list(last.setting.agents):
        yield "S4", "the labels are not those that the run began with"
    if facts is None and not _is_ahead(event, last, steps):
        yield "S7", "the state that the run goes on from is none that its events tell"
    elif facts is not None and not late:
        yield "S7", "the run goes on from a state that later ones had followed"
    least = steps.least_t(event) if last.setting.shape is not None else 0.0
    if event.t < least - ROUNDING_S:
        yield "S7", f"the run goes on at {event.t:g} s, and {least:g} s are stored"
    for outcome in event.outcomes:
        turn = _begun(last).get(outcome["agent"])
        told = turn is not None and (turn.outcome, turn.usage) == (
            outcome["outcome"],
            outcome["usage"],
        )
        if not told and not (turn is None and steps.cut_short):
            yield "S7", f"the outcome of {outcome['agent']} is not the one that was told"


def _is_ahead(event: RunResumed, last: Facts, steps: Steps) -> bool:
    """Return whether a state comes after the last event: what is told last may get lost."""
    state = event.state
    if not steps.cut_short or state["round"] < last.round or state["epoch"] < last.epoch:
        return False
    if (state["round"], state["epoch"]) > (last.round, last.epoch):
        return True
    return last.winner is None and all(
        state["votes"].get(voter) == vote for voter, vote in last.votes.items()
    )


def facts_of(event: RunResumed, setting: Setting, last: Facts | None, steps: Steps) -> Facts:
    """Return what is known at the beginning of an attempt that goes on."""
    facts = steps.find(event)[0] if last is not None else None
    if facts is None:
        facts = _from_state(event, setting)
    facts.setting, facts.finished, facts.cancelled = setting, None, False
    facts.seq, facts.t, facts.opened_at = event.seq, event.t, event.t
    facts.round, facts.epoch = event.round, event.epoch
    facts.failed = set(event.state["failures"])
    facts.released, facts.late = set(), False
    facts.open, facts.cut, facts.presenting, facts.tells_calls = {}, {}, None, None
    spent = [*event.state["usage"].values(), *(outcome["usage"] for outcome in event.outcomes)]
    facts.calls = sum(usage["calls"] for usage in spent)
    facts.tokens = sum(tokens_of(usage) for usage in spent)
    if last is not None:
        facts.limits |= last.limits  # told once, where it was stored
        facts.was_over = last.settled or last.was_over
    if facts.collected:
        return facts
    facts.ended = {}
    if last is not None and last.round == facts.round:
        facts.dropped |= last.dropped
        facts.cut = {agent: _cut(turn) for agent, turn in _begun(last).items()}
    for outcome in event.outcomes:
        agent = outcome["agent"]
        turn = facts.cut.pop(agent, None) or Turn(agent, outcome["round"], outcome["epoch"])
        turn.outcome, turn.why, turn.usage = outcome["outcome"], outcome["text"], outcome["usage"]
        acted = turn.outcome in ("new_answer", "vote")
        turn.text, turn.candidate = (outcome["text"] if acted else None), outcome["candidate"]
        turn.before = True
        facts.ended[agent] = turn
    return facts


def _begun(last: Facts) -> dict[str, Turn]:
    """Return the turns of the last round that were begun, in any attempt."""
    return {**last.cut, **last.ended, **last.open}


def _cut(turn: Turn) -> Turn:
    """Return a turn that goes on: one that was cancelled with its run has not ended."""
    if turn.why == CANCELLED:
        turn.outcome = None
    turn.calls, turn.whole = no_usage(), False
    if turn.outcome is None:
        turn.written = {}  # what its call had said is told again,
        turn.attempt = 1  # and so are tries that were told, and not stored
    return turn


def _from_state(event: RunResumed, setting: Setting) -> Facts:
    """Return what a state tells by itself, where no event has told of it."""
    state = event.state
    facts = Facts(setting)
    facts.place, facts.asked, facts.collected = "unknown", None, False
    facts.answers = {agent: answer["epoch"] for agent, answer in state["answers"].items()}
    facts.texts = {agent: answer["text"] for agent, answer in state["answers"].items()}
    facts.votes = dict(state["votes"])
    facts.drafts.update(facts.answers.keys())
    if facts.answers or state["ballots"]:
        facts.phase = None
    winner, by = state["winner"], state["settled_by"]
    if winner is not None and by is not None:
        facts.winner = WinnerSelected(winner=winner, settled_by=by, dissent=state["dissent"])
        facts.settled, facts.collected = True, True
        if state["presented"] is not None:
            facts.presented = PresentingEnded(
                agent=winner, presented=state["presented"], failure=None, usage=no_usage()
            )
    return facts


def is_a_step(events: Sequence[Event], state: Mapping[str, Any]) -> bool:
    """Return whether a stored state is that of a late step that events tell."""
    record, cores = Record(), list[dict[str, Any]]()
    for event in events:
        if type(event) is Verdict:
            cores.append(_core_of(record.state))
        record.add(event)
        if _is_stored(event):
            cores.append(_core_of(record.state))
    cores.append(_core_of(record.state))
    return _core_of(state) in cores[-2 - LOST_STEPS :]
