"""What is said when a store cannot be used, or what it holds is damaged."""

from __future__ import annotations

from ..backends.errors import StoreError, UserError
from .commands import command
from .paths import NAME
from .reasons import one_line as one_line

SAVING = {
    "show": "See which of its steps are whole, and fork one",
    "fork": "Fork its last step, or another one",
}
"""What can be done with a damaged thread, by the command that does it: `show`, or `fork` at once
where its steps cannot be shown."""


class AwayError(StoreError):
    """The store cannot be used now; nothing of what is stored is known to be damaged."""


class DamagedError(StoreError):
    """What is stored of a thread is not what was written."""


def damaged(url: str, thread_id: str, what: str, *, see: str | None = "show") -> DamagedError:
    """Return the error for a thread whose rows are not what was written.

    Args:
        url: The store.
        thread_id: The thread.
        what: What is wrong.
        see: The command that saves the rest of it, a key of SAVING; None where nothing is left.
    """
    remove = command(f"threads rm {thread_id}", url) if NAME.fullmatch(thread_id) else None
    help_ = f" Remove it: {remove}" if remove else ""
    if remove and see is not None:
        save = command(f"threads {see} {thread_id}", url)
        help_ = f" {SAVING[see]}: {save}; or remove it: {remove}"
    return DamagedError(f"The thread {thread_id!r} in {url} is damaged: {what}.{help_}")


def busy(thread_id: str) -> UserError:
    """Return the error for a second run on a thread."""
    return UserError(
        f"A run is going on on the thread {thread_id!r} already:",
        hint="wait for its end or stop it where it runs; a new question may take another thread.",
    )


def no_thread(url: str, thread_id: str) -> UserError:
    """Return the error for a thread that is not there."""
    look = command("threads ls", url)
    return UserError(f"There is no thread {thread_id!r}.", hint=f"See: {look}" if look else None)
