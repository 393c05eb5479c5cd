"""Records that a command is given: a file, or a thread whose last run is meant."""

from __future__ import annotations

from pathlib import Path

from ..backends.errors import UserError
from ..record.event_file import Loaded, read_record
from ..store.paths import NAME, thread_folder
from .shared import runs_of

EVENTS = "events.jsonl"


def load_record(name: str, db: str | None = None) -> Loaded:
    """Return a record; what is wrong with it is among its findings.

    Args:
        name: The file, its folder, or a thread.
        db: The URL of the thread's store; None for the user's own.

    Raises:
        UserError: When there is none, or it can't be one.
    """
    loaded = read_record(find_record(name, db))
    if not loaded.attempts and loaded.findings[0].kind == "damaged":
        raise UserError(f"{name} is no record of a run, or its first line is damaged.")
    return loaded


def find_record(name: str, db: str | None = None) -> Path:
    """Return the file of a record.

    Args:
        name: The file, its folder, or a thread, whose last run is meant; a file goes before.
        db: The URL of the thread's store; None for the user's own.

    Raises:
        UserError: When there is neither.
    """
    path = Path(name)
    if not name:
        raise UserError("'' names no record: give a file, its folder, or a thread.")
    if (path / EVENTS).exists():
        return path / EVENTS
    if path.is_dir() and not NAME.fullmatch(name):
        raise UserError(f"The folder {name} holds no record: there is no {EVENTS} in it.")
    if path.is_file() or not NAME.fullmatch(name):
        return path
    recorded = sorted(
        thread_folder(name, runs_of(db)).glob(f"*/{EVENTS}"),
        key=lambda file: (len(file.parent.name), file),
    )
    if not recorded:
        raise UserError(
            f"There is no record {name!r}: no such file, and no run of such a thread.",
            hint="See: massgraph threads ls",
        )
    return recorded[-1]
