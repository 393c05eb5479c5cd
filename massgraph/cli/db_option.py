"""`--db`: where threads are kept, and the records of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from ..store.base import Storage

db_option = click.option(
    "--db",
    metavar="URL",
    help="Where threads are kept: sqlite:///PATH, postgresql://..., memory:; "
    "a file in your state directory if left out.",
)


def storage_of(db: str | None) -> Storage:
    """Return where threads are kept.

    Raises:
        UserError: When the URL names no store.
    """
    from ..store.opening import default_storage, open_storage

    return default_storage() if db is None else open_storage(db)


def kept_storage(db: str | None) -> Storage:
    """Return where threads were kept before.

    Raises:
        UserError: When the URL names no store, or a file that is not there.
    """
    from ..backends.errors import UserError

    storage = storage_of(db)
    path: Path | None = getattr(storage, "path", None)
    if db is not None and path is not None and not path.exists():
        raise UserError(
            f"There is no database {storage.url}.",
            hint="Three slashes begin a path from here (sqlite:///PATH), four an absolute one.",
        )
    return storage


def runs_of(db: str | None) -> Path:
    """Return the folder of the records of a store's runs.

    Args:
        db: The URL of the store; None for the user's own.

    Raises:
        UserError: When the URL names no store.
    """
    from ..store.opening import default_storage
    from ..store.paths import runs_dir

    url = storage_of(db).url if db is not None else None
    return runs_dir(None if url == default_storage().url else url)


def resume_command(thread: str, db: str | None, command: str = "resume") -> str | None:
    """Return the command that goes on with a thread; None where nothing lasts.

    Args:
        thread: The thread.
        db: The URL of its store, as it was given; its password is left out.
        command: What stands before the thread.
    """
    return command_of(f"{command} {thread}", db)


def command_of(words: str, db: str | None) -> str | None:
    """Return a command with the store that it is about; None where nothing lasts.

    Args:
        words: What comes after `massgraph`.
        db: The URL of the store, as it was given; its password is left out.
    """
    from ..store.commands import command

    return f"massgraph {words}" if db is None else command(words, storage_of(db).url)
