"""A switch that keeps a program, a test suite above all, from reaching real providers."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

from .errors import UserError

ENV_FORBID = "MASSGRAPH_FORBID_REAL_REQUESTS"
"""Set to anything but the empty string, `0` or `false`: only this machine may be asked."""

_forbidden = 0


@contextmanager
def forbid_real_requests() -> Generator[None]:
    """Refuse every request to a host other than this machine while the block runs."""
    # One switch for all threads, or a worker thread would slip through.
    global _forbidden  # noqa: PLW0603
    _forbidden += 1
    try:
        yield
    finally:
        _forbidden -= 1


def check_request_allowed(url: str) -> None:
    """Raise UserError when real requests are forbidden and `url` is not on this machine.

    Every adapter asks before its first request.
    """
    by_env = os.environ.get(ENV_FORBID, "").lower() not in ("", "0", "false")
    if (_forbidden or by_env) and not is_loopback(url):
        raise UserError(
            f"Requests to {urlsplit(url).hostname or url!r} are forbidden here.",
            hint=f"Unset {ENV_FORBID}, or use a server on this machine.",
        )


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is this machine."""
    host = urlsplit(url).hostname
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
