"""Read a record: its events, attempt by attempt, and everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..backends.errors import UserError
from ..nodes.events import Event, NewerEventError, RunFinished, event_from_dict
from .chain import START, unseal

FindingKind = Literal["torn", "damaged", "newer", "no_event", "gap", "order", "no_end"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a record.

    Args:
        kind: `torn` (its last line is not finished), `damaged` (a line, or its place), `newer`
            (made by a newer massgraph), `no_event`, `gap` (events are missing), `order` (they come
            in the wrong order) or `no_end`. Nothing is read beyond the first four.
        line: The line, from 1.
        said: The same in one clear sentence.
    """

    kind: FindingKind
    line: int
    said: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.said}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The events of one attempt, from the run's begin, or from where it went on.

    Args:
        number: 1, and more for each resume; one that told nothing left no number behind.
        events: Its events.
    """

    number: int
    events: tuple[Event, ...]

    @property
    def result(self) -> dict[str, Any] | None:
        """The result object, if the attempt has come to its end."""
        last = self.events[-1]
        return last.result if isinstance(last, RunFinished) else None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A record as far as it can be trusted.

    Args:
        path: The file.
        attempts: Its attempts, each with one event at least.
        findings: What is wrong with it, in the order of its lines; nothing where it is whole.
    """

    path: Path
    attempts: tuple[Attempt, ...]
    findings: tuple[Finding, ...]

    @property
    def events(self) -> Iterator[Event]:
        """The events of all attempts."""
        return (event for attempt in self.attempts for event in attempt.events)

    @property
    def result(self) -> dict[str, Any] | None:
        """The result object, if the last attempt has come to its end."""
        return self.attempts[-1].result if self.attempts else None


def read_record(path: Path | str) -> Loaded:
    """Read a record; what is wrong with it is told, not raised.

    Args:
        path: The file.

    Raises:
        UserError: When there is no such file, or it cannot be read.
    """
    reading = _Reading()
    try:
        with Path(path).open("rb") as lines:
            for line in lines:
                if not reading.take(line):
                    break
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or "not a file name"
        raise UserError(f"The record {path} cannot be read: {reason}.") from exc
    return reading.loaded(Path(path))


class _Reading:
    """A record that is being read."""

    def __init__(self) -> None:
        self._lines = 0
        self._before = START
        self._seq = 0
        self._attempts: list[tuple[int, list[Event]]] = []
        self._findings: list[Finding] = []

    def take(self, line: bytes) -> bool:
        """Take the next line in, and return whether the one after it can be trusted."""
        self._lines += 1
        if not line.endswith(b"\n"):
            return self._find("torn", "it is not finished: writing it was interrupted.")
        link = unseal(line, self._before)
        if link is None:
            return self._find(
                "damaged", "its checksum is wrong: it was changed, or a line before it is missing."
            )
        self._before = link.sum
        try:
            event = event_from_dict(json.loads(link.line))
        except NewerEventError as exc:
            return self._find("newer", str(exc))
        except (ValueError, RecursionError) as exc:
            return self._find("no_event", str(exc))
        self._place(event)
        return True

    def loaded(self, path: Path) -> Loaded:
        """Return what was read."""
        attempts = tuple(Attempt(number, tuple(events)) for number, events in self._attempts)
        if not attempts or attempts[-1].result is None:
            self._find(
                "no_end",
                "it has no end: the run goes on, was interrupted, or the record was cut off.",
            )
        return Loaded(path, attempts, tuple(self._findings))

    def _place(self, event: Event) -> None:
        """Put an event in its attempt, in its order."""
        last = self._attempts[-1][0] if self._attempts else 0
        if event.run_attempt != last or not self._attempts:
            if event.run_attempt < last:
                self._find("order", f"attempt {event.run_attempt} comes after attempt {last}.")
            self._attempts.append((event.run_attempt, []))
            self._seq = 0
        self._seq += 1
        if event.seq != self._seq:
            kind: FindingKind = "gap" if event.seq > self._seq else "order"
            self._find(kind, f"event {self._seq} should be here, and it is event {event.seq}.")
            self._seq = event.seq
        self._attempts[-1][1].append(event)

    def _find(self, kind: FindingKind, said: str) -> Literal[False]:
        self._findings.append(Finding(kind, self._lines, said))
        return False
