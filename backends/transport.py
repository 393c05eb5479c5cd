"""The HTTP client that every SDK gets: one TLS context, and our timeouts."""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from .endpoint import Endpoint
from .guard import is_loopback

if TYPE_CHECKING:
    import ssl

    import httpx2

CONNECT_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 600.0


def open_http(
    at: Endpoint,
    *,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    idle_timeout_s: float = IDLE_TIMEOUT_S,
) -> httpx2.AsyncClient:
    """Return a new client; it takes long the first time, so call it in a thread.

    Args:
        at: The server.
        connect_timeout_s: Seconds that the connection may take.
        idle_timeout_s: Seconds that the server may be silent.
    """
    import httpx2

    _load_event_loop()
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(idle_timeout_s, connect=connect_timeout_s),
        limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
        # Neither the conversation nor the key goes where base_url does not point.
        follow_redirects=False,
        verify=tls(),
        # A proxy of the environment is not on the way to this machine itself.
        trust_env=not is_loopback(at.url),
    )


def _load_event_loop() -> None:
    """Import what the client's locks would import at the first request, on the event loop."""
    with suppress(ImportError):
        importlib.import_module("anyio._backends._asyncio")


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the one TLS context: to read the certificates takes tens of milliseconds."""
    import httpx2

    return httpx2.create_ssl_context()
