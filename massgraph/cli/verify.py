"""`massgraph verify`: the record of a run, checked against the protocol's invariants."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import complete
from .command import Command
from .db_option import db_option, kept_storage
from .ending import Status
from .output import Stdout, json_line
from .verbosity import verbose_option

if TYPE_CHECKING:
    from ..nodes.events import Event
    from ..record.event_file import Loaded
    from ..verify import Verified

MOST = 10
"""How many violations of an invariant are shown; all of them are in the JSON object."""

LONGEST = 2000
"""Characters of a line: what helps stands at its end."""


@click.command(
    "verify",
    cls=Command,
    short_help="Check what was recorded of a run.",
    examples=["massgraph verify rivers", "massgraph verify events.jsonl --json"],
)
@click.argument("record", metavar="FILE|THREAD", shell_complete=complete.records)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON object.")
@db_option
@verbose_option
def verify(record: str, as_json: bool, db: str | None) -> int:
    """Check the record FILE of a run, or the last run of THREAD, by the protocol's invariants.

    Of a thread, what is stored of it is checked, too. Nobody is asked anything. Exit status: 0
    when nothing is wrong, 1 when something is, 2 when there is no such record.
    """
    with Stdout() as stdout:
        from .recorded import load_record

        loaded = load_record(record, db)
        checkup = _checkup(record, loaded, db)
        stdout.write(json_line(checkup.to_dict()) if as_json else checkup.text.encode())
    return Status.OK if checkup.ok else Status.FAILED


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found of a record.

    Args:
        path: The record.
        events: How many events it has.
        verified: What they come to.
        damage: What is wrong with the file.
        stored: What is wrong with the thread in its store.
        notes: What was not checked.
    """

    path: Path
    events: int
    verified: Verified
    damage: Sequence[str]
    stored: Sequence[str]
    notes: Sequence[str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.verified.ok and not self.damage and not self.stored

    @property
    def text(self) -> str:
        """A line for each invariant, and for everything that is wrong."""
        from ..display.safe_text import one_line

        lines = [f"{self.path}: {self.events} events"]
        lines += [f"damaged: {one}" for one in self.damage]
        lines += self._invariants()
        lines += [f"stored: {one}" for one in self.stored]
        lines += [f"note: {one}" for one in self.notes]
        return "".join(f"{one_line(line, LONGEST)}\n" for line in lines)

    def _invariants(self) -> list[str]:
        from ..verify import INVARIANTS

        lines: list[str] = []
        for name, sentence in INVARIANTS.items():
            found = [one for one in self.verified.violations if one.invariant == name]
            lines += map(str, found[:MOST])
            if len(found) > MOST:
                lines.append(f"{name}: and {len(found) - MOST} more")
            if not found:
                checked = name in self.verified.checked
                lines.append(f"{name} {'ok' if checked else 'not checked'}: {sentence}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "record": str(self.path),
            "ok": self.ok,
            "events": self.events,
            "checked": list(self.verified.checked),
            "violations": [one.to_dict() for one in self.verified.violations],
            "damage": list(self.damage),
            "stored": list(self.stored),
            "notes": list(self.notes),
        }


def _checkup(name: str, loaded: Loaded, db: str | None) -> Checkup:
    """Check a record, and the thread that it is named by."""
    from ..verify import verify
    from .recorded import EVENTS

    events = tuple(loaded.events)
    verified = verify(events, secrets=_keys())
    damage = [str(one) for one in loaded.findings if one.kind != "no_end"]
    stored, notes = list[str](), list(verified.notes)
    if loaded.path not in (Path(name), Path(name) / EVENTS):
        stored, more = asyncio.run(_stored(name, events, db))
        notes += more
    return Checkup(loaded.path, len(events), verified, damage, stored, notes)


def _keys() -> list[str]:
    """Return the keys of the environment, which no event may contain."""
    from ..backends import vendors
    from ..backends.endpoint import Vendor

    known = [one for one in vars(vendors).values() if isinstance(one, Vendor)]
    names = {name for vendor in known for name in vendor.key_variables}
    return [os.environ[name].strip() for name in sorted(names) if os.environ.get(name)]


async def _stored(
    thread: str, events: Sequence[Event], db: str | None
) -> tuple[list[str], list[str]]:
    """Return what is wrong with a thread in its store, and what was not checked of it."""
    from ..verify.stored import check_stored

    storage = kept_storage(db)
    try:
        store = await storage.opened()
        if await store.is_held(thread):
            return [], ["the run goes on: what is stored of it is not checked"]
        config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        problems = await store.check(thread)
        if problems:
            return problems, []
        last = await store.saver.aget_tuple(config)
        row = await store.row(thread)
        if last is None:
            lost = row is not None and any(event.round for event in events)
            said = "nothing of the thread is stored"
            return ([f"{said}, and its record tells of rounds"], []) if lost else ([], [said])
        cut = row is not None and row.status == "running"
        return check_stored(events, last.checkpoint["channel_values"], cut=cut), []
    finally:
        await storage.aclose()
