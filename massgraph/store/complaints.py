"""What is said when a store cannot be used, or what it holds is damaged."""

from __future__ import annotations

from ..backends.errors import StoreError, UserError


def damaged(url: str, thread_id: str, what: str) -> StoreError:
    """Return the error for a thread whose rows are not what was written."""
    return StoreError(
        f"The thread {thread_id!r} in {url} is damaged: {what}. Fork it from an earlier step, or "
        f"remove it: massgraph threads rm {thread_id}"
    )


def busy(thread_id: str) -> UserError:
    """Return the error for a second run on a thread."""
    return UserError(
        f"A run is going on on the thread {thread_id!r} already:",
        hint="wait for its end or stop it where it runs; a new question may take another thread.",
    )


def no_thread(url: str, thread_id: str) -> UserError:
    """Return the error for a thread that is not there."""
    return UserError(f"There is no thread {thread_id!r} in {url}.")


def one_line(exc: BaseException) -> str:
    """Return what an exception says, in one line; its own lines are parted by semicolons."""
    lines = (" ".join(line.split()).rstrip(".?") for line in str(exc).splitlines())
    return "; ".join(line for line in lines if line) or type(exc).__name__


def refused(exc: OSError) -> str:
    """Return why the system refuses something, and of which file or folder."""
    reason = exc.strerror or one_line(exc)
    return f"{reason}: {exc.filename}" if exc.filename else reason
