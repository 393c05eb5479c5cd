"""Ids of threads, and one run at a time on each in this process."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager

from .backends.errors import UserError
from .store.complaints import busy
from .store.paths import NAME

_lock = threading.Lock()
_busy: set[tuple[object, str]] = set()


def new_thread_id() -> str:
    """Return an id that no other thread has."""
    return uuid.uuid4().hex


def check_thread_id(thread_id: str) -> str:
    """Return the id.

    Raises:
        UserError: When it is none.
    """
    if not NAME.fullmatch(thread_id):
        raise UserError(
            f"{thread_id!r} can't be a thread's id: a letter or digit first, then letters, "
            "digits, '.', '_' or '-', 128 characters at most."
        )
    return thread_id


@contextmanager
def one_run_at_a_time(store: object, thread_id: str) -> Generator[None]:
    """Hold a thread of a store while the block runs; LangGraph itself refuses no second run.

    This is for one process; a store's own `hold` is for all of them.

    Raises:
        UserError: When a run is going on on the thread already.
    """
    place = (store, thread_id)
    with _lock:
        if place in _busy:
            raise busy(thread_id)
        _busy.add(place)
    try:
        yield
    finally:
        with _lock:
            _busy.discard(place)
