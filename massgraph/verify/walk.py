"""Walk: once through the events of a run, from check to check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..nodes.events import Event, RunFinished, RunResumed, RunStarted
from ..nodes.record import Record
from .checks import CHECKS
from .facts import Facts
from .finding import Found, Verified, Violation
from .invariants import INVARIANTS, Name
from .result import is_the_fold
from .resuming import Steps, facts_of, goes_on
from .secrets import Secrets
from .setting import OwnFunctions, Setting

SLACK_S = 30.0
"""Seconds that stragglers, rounding and a busy machine may add to a deadline."""


def verify(
    events: Sequence[Event],
    *,
    secrets: Collection[str] = (),
    own: OwnFunctions | None = None,
    slack_s: float = SLACK_S,
) -> Verified:
    """Check the record of a run against the invariants, from its events alone.

    A record without an end is checked as far as it goes. Damaged events are violations too:
    nothing is raised.

    Args:
        events: The events of one question, of all attempts, in order.
        secrets: Texts that no event may contain.
        own: Rules and visibilities of one's own by name; without them, what they say is not
            checked, and a note tells so.
        slack_s: Seconds that a busy machine may add to a deadline.
    """
    walk = _Walk(secrets, own or {}, slack_s, several=_several(events))
    for line, event in enumerate(events, 1):
        walk.take(line, event)
    return walk.verified()


def _several(events: Sequence[Event]) -> bool:
    return len({event.run_attempt for event in events}) > 1


def _is_cut_before_its_first(event: RunFinished) -> bool:
    return event.seq == 1 and event.result["outcome"] in ("cancelled", "failed")


class _Walk:
    def __init__(
        self, secrets: Iterable[str], own: OwnFunctions, slack_s: float, *, several: bool
    ) -> None:
        self._secrets = Secrets(secrets)
        self._own, self._slack_s, self._several = own, slack_s, several
        self._facts: Facts | None = None
        self._record = Record()
        self._steps = Steps()
        self._attempt = 0
        self._last: Event | None = None
        self._violations: list[Violation] = []
        self._notes: list[str] = []

    def take(self, line: int, event: Event) -> None:
        """Check an event, and take it in."""
        try:
            for name, message in self._found(event):
                self._report(line, event, name, message)
            self._record.add(event)
            if self._several and self._facts is not None:
                self._steps.after(event, self._facts, self._record)
        except Exception as exc:  # whatever a damaged record may hold
            what = " ".join(f"{type(exc).__name__}: {exc}".split())
            self._report(line, event, "S7", f"the event is damaged ({what})")
        self._last = event

    def _report(self, line: int, event: Event, name: Name, message: str) -> None:
        found = Violation(name, message, line, event.seq, event.run_attempt, event.type)
        self._violations.append(found)

    def _found(self, event: Event) -> Found:
        if self._secrets.known:
            yield from self._secrets.told_by(event)
        if isinstance(event, RunStarted | RunResumed):
            yield from self._begin(event)
        elif event.run_attempt != self._attempt or self._facts is None:
            yield from self._without_beginning(event)
        else:
            yield from self._checked(event, self._facts)

    def _checked(self, event: Event, facts: Facts) -> Found:
        if facts.ends_round(event):
            facts.collect()
        if self._several:
            self._steps.before(event, facts, self._record)
        for check in CHECKS[type(event)]:
            yield from check(facts, event)
        if isinstance(event, RunFinished):
            yield from is_the_fold(self._record, event)
        facts.add(event)

    def _begin(self, event: RunStarted | RunResumed) -> Found:
        last, steps = self._facts, self._steps
        if event.run_attempt <= self._attempt:
            yield "S7", f"{event.type} of attempt {event.run_attempt} after {self._attempt}"
        if event.seq != 1:
            yield "S7", f"an attempt begins with event {event.seq}"
        if last is not None:
            steps.close(last, self._record)
        self._attempt, self._steps = event.run_attempt, Steps()
        setting = Setting.of(event, self._own, self._slack_s)
        self._notes += (note for note in setting.notes if note not in self._notes)
        if isinstance(event, RunResumed):
            self._facts = facts_of(event, setting, last, steps)
            if last is not None:
                yield from goes_on(event, last, steps)
            else:
                self._notes.append(f"attempt {event.run_attempt} is the first one told")
            return
        if last is not None and (last.opened or last.answers or last.settled):
            yield "S7", "a run that had begun begins again"
        self._facts = Facts(setting, seq=event.seq, t=event.t, round=event.round, epoch=event.epoch)

    def _without_beginning(self, event: Event) -> Found:
        """Find what is wrong with an attempt that does not tell how it began.

        One that was cut short before it had begun tells its end alone.
        """
        new = self._attempt != event.run_attempt
        self._attempt = event.run_attempt
        if new and isinstance(event, RunFinished) and _is_cut_before_its_first(event):
            if self._facts is not None:
                self._facts.finished, self._facts.seq = event, event.seq
            return
        if new:
            yield "S7", "an attempt begins with neither run_started nor run_resumed"
        self._facts = None

    def verified(self) -> Verified:
        """Return what the record came to."""
        if not isinstance(self._last, RunFinished):
            self._notes.append("the record has no end: the run goes on, or was cut off")
        if not self._secrets.known:
            self._notes.append("S10: no keys are known that could be looked for")
        skipped: set[Name] = set()
        skipped |= set() if self._secrets.known else {"S10"}
        skipped |= set() if self._several else {"S9"}
        return Verified(
            tuple(self._violations),
            tuple(self._notes),
            tuple(name for name in INVARIANTS if name not in skipped),
        )
