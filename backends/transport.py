"""The HTTP client that every SDK gets: one TLS context, our timeouts, and the key.

No SDK is told the key, nor other secret headers: some write the headers that they are given into
their logs. The HTTP client adds them to each request.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

from .endpoint import Endpoint
from .errors import UserError
from .guard import is_loopback

if TYPE_CHECKING:
    import ssl

    import httpx2

CONNECT_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 600.0
_NO_KEY = "none"
"""Stands for the key: without one, an SDK would look for keys, tokens and profiles by itself."""
_NECESSARY = frozenset(("host", "content-length", "content-type", "transfer-encoding"))
"""Headers without which there is no request."""


class _Client(Protocol):
    def platform_headers(self) -> dict[str, str]: ...


Client = TypeVar("Client", bound=_Client)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a server may take.

    Args:
        connect_s: Seconds that the connection may take.
        idle_s: Seconds that the server may be silent.
    """

    connect_s: float = CONNECT_TIMEOUT_S
    idle_s: float = IDLE_TIMEOUT_S


def open_http(at: Endpoint, timeouts: Timeouts | None = None) -> httpx2.AsyncClient:
    """Return a new client; it takes long the first time, so call it in a thread.

    Args:
        at: The server.
        timeouts: How long it may take; left out, as long as servers usually may.
    """
    import httpx2

    async def hide_user(request: httpx2.Request) -> None:
        """Take user and password out of the URL, which is logged; they are in a header by now."""
        if request.url.userinfo:
            request.url = request.url.copy_with(userinfo=b"")

    _load_event_loop()
    allowed = timeouts or Timeouts()
    return httpx2.AsyncClient(
        event_hooks={"request": [hide_user]},
        timeout=httpx2.Timeout(allowed.idle_s, connect=allowed.connect_s),
        limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
        # Neither the conversation nor the key goes where base_url does not point.
        follow_redirects=False,
        verify=tls(),
        # A proxy of the environment is not on the way to this machine itself.
        trust_env=not is_loopback(at.url),
    )


def open_sdk(
    client: Callable[..., Client],
    error: type[Exception],
    at: Endpoint,
    timeouts: Timeouts,
    *,
    ambient: tuple[str, ...] = (),
) -> Client:
    """Return a new client of an SDK; it takes long the first time, so call it in a thread.

    Args:
        client: The SDK's class.
        error: What it raises.
        at: The server.
        timeouts: How long it may take.
        ambient: Headers that the SDK adds from the environment, and that this server is not meant
            to get.

    Raises:
        UserError: When the SDK does not accept the URL.
    """
    import httpx2

    http = open_http(at, timeouts)
    http.event_hooks = {"request": [_signing(at, ambient)], "response": []}
    try:
        opened = client(
            base_url=at.bare_url,
            api_key=_NO_KEY,
            max_retries=0,
            timeout=http.timeout,
            http_client=http,
        )
    except (error, httpx2.InvalidURL, ValueError) as exc:
        said = at.redact(f"{at.url_source} {at.shown} cannot be used: {exc}")
        raise UserError(said) from None
    # The SDK would ask the operating system at the first request, in a thread that stays; and
    # once it knows the platform, the rest of what its headers say, on the event loop.
    vars(opened)["_platform"] = opened.platform_headers()["X-Stainless-OS"]
    opened.platform_headers()
    return opened


def names_in(variable: str) -> tuple[str, ...]:
    """Return the names of the headers that a variable of an SDK holds, `NAME: VALUE` a line."""
    lines = os.environ.get(variable, "").split("\n")
    return tuple(line.partition(":")[0].strip() for line in lines if ":" in line)


def _signing(at: Endpoint, ambient: tuple[str, ...]) -> Callable[[httpx2.Request], Awaitable[None]]:
    """Return what puts the right headers into each request."""
    unwanted = {name.lower() for name in ("authorization", *ambient)} - _NECESSARY
    headers = {"authorization": at.basic} if at.basic else {}
    headers |= {"authorization": f"Bearer {at.key}"} if at.key else {}
    headers |= {name.lower(): value for name, value in at.extra_headers.items()}

    async def sign(request: httpx2.Request) -> None:
        for name in unwanted:
            request.headers.pop(name, None)
        request.headers.update(headers)

    return sign


def _load_event_loop() -> None:
    """Import what the client's locks would import at the first request, on the event loop."""
    with suppress(ImportError):
        importlib.import_module("anyio._backends._asyncio")


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return the one TLS context: to read the certificates takes tens of milliseconds."""
    import httpx2

    return httpx2.create_ssl_context()
