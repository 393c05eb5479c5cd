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
    return UserError(f"A run is going on on the thread {thread_id!r} already.")


def no_thread(url: str, thread_id: str) -> UserError:
    """Return the error for a thread that is not there."""
    return UserError(f"There is no thread {thread_id!r} in {url}.")


def one_line(exc: BaseException) -> str:
    """Return what an exception says, in one line."""
    return " ".join(str(exc).split()).rstrip(".") or type(exc).__name__
