"""Where massgraph keeps what lasts, and only its user may read it."""

from __future__ import annotations

import os
import re
import stat
from hashlib import blake2b
from pathlib import Path

from ..backends.errors import StoreError, UserError
from .reasons import refused

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

RUN = re.compile(r"(?!0000)(?:[0-9]{4}|[1-9][0-9]{4,8})")

DATABASE = "massgraph.db"

ELSEWHERE = (
    "Set XDG_STATE_HOME to a folder that you may write to, or keep nothing: --db memory: --no-logs"
)
"""What to do where there is no place for what lasts."""


def state_dir() -> Path:
    """Return the folder of what lasts (`XDG_STATE_HOME` is honoured), made if it is not there.

    Raises:
        StoreError: When it cannot be made.
    """
    from platformdirs import user_state_path

    try:
        return private_folder(user_state_path("massgraph"))
    except StoreError as exc:
        raise StoreError(f"{exc} {ELSEWHERE}") from exc


def private_folder(path: Path) -> Path:
    """Return a folder; one that is made now is for its user alone (0700).

    Raises:
        StoreError: When it cannot be made, or is something else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
        else:
            path.chmod(0o700)  # whatever the umask has left of it
    except OSError as exc:
        raise StoreError(f"The folder {path} can't be made ({refused(exc, path)}).") from exc
    return path


def plain_name(name: str) -> str:
    """Return a thread's id, which is safe as the name of a file.

    Raises:
        UserError: When it is not.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} can't be a thread's id.")
    return name


def runs_dir(url: str | None = None) -> Path:
    """Return the folder of the records of runs, made if it is not there.

    Args:
        url: The store that the runs are kept in, where it is not the user's own: two stores may
            have threads of one id.

    Raises:
        StoreError: When it cannot be made, or a link leads elsewhere.
    """
    name = "runs" if url is None else f"runs-{blake2b(url.encode(), digest_size=4).hexdigest()}"
    return private_folder(no_link(state_dir().resolve() / name))


def thread_folder(thread_id: str, runs: Path | None = None) -> Path:
    """Return the folder of a thread's runs, whether it is there or not.

    Args:
        thread_id: The thread.
        runs: The folder of all threads' runs; the state directory's if left out.

    Raises:
        UserError: When the id is none.
        StoreError: When a link leads elsewhere.
    """
    return no_link((runs or runs_dir()).resolve() / plain_name(thread_id))


def run_folder(thread_id: str, run: int, runs: Path | None = None) -> Path:
    """Return the folder of a run, whether it is there or not: `runs/<thread_id>/<NNNN>`.

    Args:
        thread_id: The run's thread.
        run: Which of the thread's questions, from 1.
        runs: The folder of all threads' runs; the state directory's if left out.

    Raises:
        UserError: When the id is none.
        StoreError: When a link leads elsewhere.
    """
    return no_link(thread_folder(thread_id, runs) / f"{run:04d}")


def last_run(folder: Path) -> int:
    """Return the number of the last run that has a folder of its own; 0 where none has.

    Args:
        folder: The folder of a thread's runs.
    """
    numbers = (int(one.name) for one in folder.glob("[0-9]*") if RUN.fullmatch(one.name))
    return max(numbers, default=0)


def no_link(folder: Path) -> Path:
    """Return a folder of massgraph's own.

    Raises:
        StoreError: When it is a link.
    """
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link; massgraph writes into its own folder alone.")
    return folder


def private_file(path: Path) -> None:
    """Make a file that only its user may read (0600), if it is not there; no link is followed.

    Raises:
        OSError: When it cannot be made, or is a link.
    """
    if path.is_symlink():
        raise OSError(f"{path} is a link")
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        opened = os.open(path, flags | os.O_EXCL, 0o600)
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError("it is no regular file") from None
        return
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(opened, 0o600)  # whatever the umask has left of it
    finally:
        os.close(opened)
