"""Where threads and records are kept: the folder, and the database in it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..backends.errors import MassgraphError
from .check import Check

if TYPE_CHECKING:
    from ..store.base import Storage

_LITTLE_BYTES = 100 * 1024 * 1024
_LIMIT_S = 10.0


def state_folder() -> Iterator[Check]:
    """Give out whether the state directory can be written, and whether others can read it."""
    from platformdirs import user_state_path

    folder = user_state_path("massgraph")
    place = next(one for one in (folder, *folder.parents) if one.exists())
    yield _writable(folder, place)
    if place == folder and stat.S_IMODE(folder.stat().st_mode) & 0o077 and os.name == "posix":
        told = f"others may look into {folder}"
        yield Check("state directory's mode", "warning", told, f"chmod 700 {folder}")
    free = shutil.disk_usage(place).free
    told = f"{free / 1024**3:.1f} GB are free"
    if free < _LITTLE_BYTES:
        yield Check("disk", "warning", told, f"make room on the disk of {place}")
    else:
        yield Check("disk", "ok", told)


def _writable(folder: Path, place: Path) -> Check:
    name = "state directory"
    if not place.is_dir():
        return Check(name, "problem", f"{place} is no folder", "move it, or set XDG_STATE_HOME")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as exc:
        told = f"{place} cannot be written ({exc.strerror})"
        return Check(name, "problem", told, "let it be written, or set XDG_STATE_HOME")
    made = "" if place == folder else " (it is made at the first run)"
    return Check(name, "ok", f"{folder}{made}")


def database(url: str | None) -> Check:
    """Return whether the store opens, and of what version it is.

    Args:
        url: The store; None for the user's own.
    """
    from ..store.opening import open_storage
    from ..store.schema import SCHEMA_VERSION
    from ..store.sqlite import SqliteStorage

    name = "database"
    try:
        storage = open_storage(_default_url() if url is None else url)
        if isinstance(storage, SqliteStorage) and not storage.path.exists():
            return Check(name, "ok", f"none yet; the first run makes {storage.path}")
        number = asyncio.run(asyncio.wait_for(_threads(storage), _LIMIT_S))
    except MassgraphError as exc:
        return Check(name, "problem", str(exc))
    except TimeoutError:
        return Check(name, "problem", f"it has not opened within {_LIMIT_S:g} s")
    kept = f"{number} thread{'' if number == 1 else 's'}"
    return Check(name, "ok", f"{storage.url} opens, version {SCHEMA_VERSION}, {kept}")


def _default_url() -> str:
    """Return the user's own store; unlike the store itself, nothing is made for it."""
    from platformdirs import user_state_path

    from ..store.paths import DATABASE

    return f"sqlite:///{user_state_path('massgraph') / DATABASE}"


async def _threads(storage: Storage) -> int:
    """Return how many threads are kept.

    Raises:
        StoreError: When the list of them, or one of them, is damaged.
    """
    from ..store.complaints import DamagedError
    from ..threads import Threads

    async with Threads(storage) as kept:
        rows = await kept.ls()
    for row in rows:
        if row.damage is not None:
            raise DamagedError(row.damage)
    return len(rows)
