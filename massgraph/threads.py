"""Threads of conversation: their ids, their stores, and one run at a time on each."""

from __future__ import annotations

import re
import threading
import uuid
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .backends.errors import UserError

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

THREAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_lock = threading.Lock()
_busy: weakref.WeakKeyDictionary[BaseCheckpointSaver[Any], set[str]] = weakref.WeakKeyDictionary()


def new_thread_id() -> str:
    """Return an id that no other thread has."""
    return uuid.uuid4().hex


def check_thread_id(thread_id: str) -> str:
    """Return the id.

    Raises:
        UserError: When it is none.
    """
    if not THREAD_ID.fullmatch(thread_id):
        raise UserError(
            f"{thread_id!r} can't be a thread's id: a letter or digit first, then letters, "
            "digits, '.', '_' or '-', 128 characters at most."
        )
    return thread_id


def open_store(url: str) -> BaseCheckpointSaver[Any]:
    """Return the store that a `db` URL names.

    Raises:
        UserError: When it names none, or one that is not supported yet.
    """
    if url == "memory:":
        from langgraph.checkpoint.memory import InMemorySaver

        return InMemorySaver()
    raise UserError(f"db={url!r} is not supported yet; supported: 'memory:'.")


@contextmanager
def one_run_at_a_time(saver: BaseCheckpointSaver[Any] | None, thread_id: str) -> Generator[None]:
    """Hold a thread of a store while the block runs; LangGraph itself refuses no second run.

    Raises:
        UserError: When a run is going on on the thread already.
    """
    if saver is None:
        yield
        return
    with _lock:
        running = _busy.setdefault(saver, set())
        if thread_id in running:
            raise UserError(f"A run is going on on the thread {thread_id!r} already.")
        running.add(thread_id)
    try:
        yield
    finally:
        with _lock:
            running.discard(thread_id)
