"""A PostgreSQL server that is away: how long it is waited for, and what is said of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from ..nodes.log_line import LogLine
from .complaints import one_line

logger = logging.getLogger("massgraph.store")

PATIENCE_S = 15.0
"""Seconds that a server which went away in the middle of a run is waited for.

PostgreSQL is back some seconds after it was restarted, or has crashed; what replies are under way
wait for it meanwhile. Who waits longer is better served by the error: all that was stored is kept,
and the run can be gone on with."""

FRESH_S = 5.0
"""Seconds for which a server that was waited for in vain is not even looked for."""


class ServerAwayError(psycopg.OperationalError):
    """The server is away, and was waited for in vain."""


class Absence:
    """The absence of a server: whoever misses it waits with the first one.

    It is over when the server takes a new connection, or gives one while nobody else waits for it
    (a server that is full takes no new ones).

    Args:
        shown: Where the server is, without a password.
    """

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._since: float | None = None
        self._last: tuple[float, Exception] | None = None
        self._waiting = 0

    @property
    def left_s(self) -> float:
        """For how many seconds the server is waited for; none when that was in vain."""
        if self._since is None:
            return PATIENCE_S
        return max(0.0, self._since + PATIENCE_S - time.monotonic())

    @property
    def goes_on(self) -> bool:
        """Whether the server is known to be away."""
        return self._since is not None

    def check(self) -> None:
        """Look at what is known before the server is looked for.

        Raises:
            ServerAwayError: When it was looked for a moment ago, and nobody waits any more.
        """
        if self._last is not None and not self.left_s:
            at, why = self._last
            if time.monotonic() < at + FRESH_S:
                raise ServerAwayError(str(why)) from why

    def miss(self, why: Exception, looked_at: float) -> None:
        """Note that the server was looked for in vain; warn the first time.

        Args:
            why: What was said.
            looked_at: When the look began, by the monotonic clock.

        Raises:
            ServerAwayError: When nobody waits any more.
        """
        if self._since is None:
            self._since = looked_at
            logger.warning(
                "The database %s can't be reached; waiting %g s for it.", self._shown, PATIENCE_S
            )
            logger.info(LogLine("database is away", url=self._shown, why=one_line(why)))
        self._last = time.monotonic(), why
        if not self.left_s:
            raise ServerAwayError(str(why)) from why

    @contextmanager
    def waited_for(self) -> Generator[None]:
        """Wait for a connection while the block runs; that it ends well tells that there is one."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
        if not self._waiting:
            self.end()

    def end(self) -> None:
        """Note that the server is there."""
        if self._since is not None:
            logger.info(LogLine("database is back", url=self._shown))
        self._since = self._last = None
