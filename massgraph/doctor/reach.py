"""Whether a server answers: one small request without a key, all servers at once.

Each is asked in a thread that nobody waits for: the look-up of a name cannot be stopped, and a
network that is broken must not hold up whoever wants to know about it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from ..backends.endpoint import Endpoint
from ..backends.errors import UserError
from ..backends.guard import check_request_allowed, is_loopback
from .check import Check

LIMIT_S = 3.0
"""Seconds that a server may take."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A server that is asked.

    Args:
        title: Whose it is.
        at: Where it is.
        limit_s: Seconds that it may take.
    """

    title: str
    at: Endpoint
    limit_s: float = LIMIT_S
    _found: queue.Queue[Check] = field(default_factory=lambda: queue.Queue(1), repr=False)

    @property
    def name(self) -> str:
        """The check's name."""
        return f"server of {self.title}"

    def begin(self) -> None:
        """Ask it, in a thread of its own."""
        threading.Thread(target=self._ask, name="massgraph-doctor", daemon=True).start()

    def result(self, deadline: float) -> Check:
        """Return what was found by a time of the monotonic clock."""
        try:
            return self._found.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return self._silent()

    def _ask(self) -> None:
        from ..backends.failure_words import one_line

        began = time.monotonic()
        try:
            check_request_allowed(self.at.url)
            status = self._status()
        except UserError as exc:
            self._found.put(Check(self.name, "ok", f"not asked: {exc}"))
        except Exception as exc:
            self._found.put(self._failed(exc, one_line(str(exc), self.at)))
        else:
            self._found.put(self._answered(status, time.monotonic() - began))

    def _status(self) -> int:
        import httpx2

        from ..backends.transport import tls

        with (
            httpx2.Client(
                timeout=self.limit_s,
                verify=tls(),
                follow_redirects=False,
                trust_env=not is_loopback(self.at.url),
            ) as client,
            client.stream("GET", self.at.bare_url) as answer,
        ):
            return answer.status_code

    def _answered(self, status: int, seconds: float) -> Check:
        told = f"{self.at.shown} answers in {seconds:.1f} s"
        if status == 407:
            return Check(self.name, "problem", f"the proxy wants a password for {self.at.shown}")
        if status >= 500:
            told = f"{self.at.shown} answers HTTP {status}"
            return Check(self.name, "warning", told, "it may be down: try again later")
        return Check(self.name, "ok", told)

    def _failed(self, exc: Exception, why: str) -> Check:
        import httpx2

        if isinstance(exc, httpx2.TimeoutException):
            return self._silent()
        told = f"{self.at.shown} cannot be reached ({why or type(exc).__name__})"
        todo = "see that the server runs" if is_loopback(self.at.url) else _NETWORK
        return Check(self.name, "problem", told, todo)

    def _silent(self) -> Check:
        told = f"{self.at.shown} has not answered within {self.limit_s:g} s"
        return Check(self.name, "problem", told, _NETWORK)


_NETWORK = "look at the network, the proxy (HTTPS_PROXY) and the address"


def reached(visits: Iterable[Visit]) -> Iterator[Check]:
    """Give out a check for each server, in their order; they are asked at once."""
    begun = list(visits)
    if begun:
        with suppress(ImportError):  # in one thread, before all others want it
            import httpx2 as httpx2

            from ..backends.transport import tls

            tls()
    for visit in begun:
        visit.begin()
    deadline = time.monotonic() + max((visit.limit_s for visit in begun), default=0.0) + 0.2
    for visit in begun:
        yield visit.result(deadline)
