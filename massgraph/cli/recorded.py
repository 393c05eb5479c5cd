"""Records that a command is given: a file, or a thread whose last run is meant; and their end."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

from ..backends.errors import StoreError, UserError
from ..record.event_file import Loaded, read_record
from ..store.paths import NAME, last_run, run_folder, thread_folder
from .db_option import command_of, runs_of, storage_of

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
    try:
        if (path / EVENTS).exists():
            return path / EVENTS
    except OSError as exc:  # no file can have such a name
        raise UserError(f"The record {name} cannot be read: {exc.strerror}.") from exc
    if path.is_dir() and not NAME.fullmatch(name):
        raise UserError(f"The folder {name} holds no record: there is no {EVENTS} in it.")
    if path.is_file() or not NAME.fullmatch(name):
        return path
    recorded = sorted(
        thread_folder(name, runs_of(db)).glob(f"*/{EVENTS}"),
        key=lambda file: (len(file.parent.name), file),
    )
    if not recorded:
        raise _no_record(name, db)
    return recorded[-1]


def last_folder(thread: str, db: str | None = None) -> Path | None:
    """Return the folder of a thread's last run, where its record and its logs are.

    Args:
        thread: The thread.
        db: The URL of its store; None for the user's own.
    """
    with suppress(StoreError):  # a link leads elsewhere
        runs = runs_of(db)
        last = last_run(thread_folder(thread, runs))
        return run_folder(thread, last, runs) if last else None
    return None


def forget(thread: str, runs: Path) -> None:
    """Remove the records of a thread's runs, if there are any.

    Args:
        thread: The thread.
        runs: The folder of its store's runs.

    Raises:
        StoreError: When they cannot be removed.
    """
    folder = thread_folder(thread, runs)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"The records in {folder} can't be removed: {exc.strerror}.") from exc


def _no_record(name: str, db: str | None) -> UserError:
    """Return why there is no record: the thread is not known, or only its record is gone."""
    from ..store.lease import Lease

    async def is_known() -> bool:
        async with Lease(storage_of(db)) as store:
            return await store.row(name) is not None

    if asyncio.run(is_known()):
        return UserError(
            f"The record of the thread {name!r} is gone: it made room for newer ones (log_runs, "
            "log_mb), or none was written (--no-logs).",
            hint=f"Its result is kept: {command_of(f'threads show {name}', db)}",
        )
    return UserError(
        f"There is no record {name!r}: no such file, and no run of such a thread.",
        hint=f"See: {command_of('threads ls', db) or 'massgraph threads ls'}",
    )
