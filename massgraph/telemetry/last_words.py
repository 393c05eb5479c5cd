"""The last words of a program: what is still to be sent at its end, within a time limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from .remarks import logger

CLOSE_S = 2.0
"""How long the end of a program waits for what is still to be sent."""


def say_last_words(sending: Sequence[Callable[[], object]], seconds: float = CLOSE_S) -> None:
    """Send what is left, all at once, and wait for it no longer than that; the rest is dropped.

    Args:
        sending: What sends it; it may block for as long as it likes.
        seconds: The time limit.
    """
    until = monotonic() + seconds
    threads = [threading.Thread(target=_quietly(send), daemon=True) for send in sending]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))


def _quietly(send: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            send()
        except Exception:  # nobody is left whom it would help
            logger.info("Telemetry did not end well.", exc_info=True)

    return run
