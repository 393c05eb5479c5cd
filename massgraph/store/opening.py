"""Storages by the URL that a `db` setting names."""

from __future__ import annotations

import re
from pathlib import Path

from ..backends.errors import UserError
from ..backends.keys import without_keys
from .base import Storage
from .paths import DATABASE, state_dir

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")

KNOWN = "'memory:', 'sqlite:///PATH' or 'postgresql://USER@HOST/NAME'"


def open_storage(url: str) -> Storage:
    """Return the storage that a URL names; nothing is opened yet.

    Args:
        url: `memory:`, `sqlite:///PATH` (relative to the working folder, or absolute:
            `sqlite:////PATH`; `~` is the home folder) or `postgresql://...`.

    Raises:
        UserError: When it names none.
        MissingError: When what it needs is not installed.
    """
    if url == "memory:":
        from .memory import MemoryStorage

        return MemoryStorage()
    if url.startswith(SQLITE) and url != SQLITE:
        from .sqlite import SqliteStorage

        return SqliteStorage(url.removeprefix(SQLITE))
    if url.startswith(POSTGRES):
        from .postgres import PostgresStorage

        return PostgresStorage(url)
    raise UserError(f"{_shown(url)} names no place for threads: give {KNOWN}.")


def default_storage() -> Storage:
    """Return the storage of the user: a SQLite file in the state folder, which may be no link."""
    from .sqlite import SqliteStorage

    return SqliteStorage(default_path(), links=False)


def default_path() -> Path:
    """Return where the user's own threads are kept."""
    return state_dir() / DATABASE


def _shown(url: str) -> str:
    """Return a URL for a message; only its beginning, if what follows may hold a password."""
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,19}:/{0,3}", url)
    beginning = scheme[0] if scheme else ""
    plain = re.fullmatch(r"[\w./ -]{0,200}", url.removeprefix(beginning))
    if plain and without_keys(url) == url:
        return repr(url)
    return repr(f"{beginning}...")
