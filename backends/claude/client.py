"""A client of the Anthropic SDK, for Anthropic and for servers that speak its protocol."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..endpoint import Endpoint, Vendor
from ..errors import UserError
from ..transport import open_http

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, Omit

ANTHROPIC = Vendor(
    title="Anthropic",
    url="https://api.anthropic.com",
    host="anthropic.com",
    key_variables=("ANTHROPIC_API_KEY",),
    url_variable="ANTHROPIC_BASE_URL",
    example="http://127.0.0.1:8000",
)

_PATH = re.compile(r"/v1(/messages)?/?$")
"""What the SDK adds to the URL by itself."""


def bare(at: Endpoint) -> Endpoint:
    """Return the server without the path that the SDK adds, should somebody have written it."""
    return replace(at, url=_PATH.sub("", at.url))


def open_claude(at: Endpoint, *, connect_timeout_s: float, idle_timeout_s: float) -> AsyncAnthropic:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread.

    Raises:
        UserError: When the SDK does not accept the URL.
    """
    import httpx2
    from anthropic import AnthropicError, AsyncAnthropic

    http = open_http(at, connect_timeout_s=connect_timeout_s, idle_timeout_s=idle_timeout_s)
    try:
        client = AsyncAnthropic(
            base_url=at.url,
            # Without one, the SDK would look for keys, tokens and profiles, also in files; this
            # one is not sent.
            api_key=at.key or "none",
            max_retries=0,
            timeout=http.timeout,
            http_client=http,
        )
    except (AnthropicError, httpx2.InvalidURL, ValueError) as exc:
        raise UserError(at.redact(f"base_url {at.shown} cannot be used: {exc}")) from None
    # The SDK would ask the operating system at the first request, in a thread that stays; and
    # once it knows the platform, the rest of what its headers say, on the event loop.
    vars(client)["_platform"] = client.platform_headers()["X-Stainless-OS"]
    client.platform_headers()
    return client


def claude_headers(at: Endpoint) -> dict[str, str | Omit]:
    """Return the headers of a request, over those that the SDK adds.

    `ANTHROPIC_CUSTOM_HEADERS` is meant for Anthropic: it is sent to its own host alone.
    """
    from anthropic import Omit

    headers: dict[str, str | Omit] = {}
    if not at.is_own:
        ambient = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
        names = [line.partition(":")[0].strip() for line in ambient if ":" in line]
        headers.update((name.lower(), Omit()) for name in names)
    headers["authorization"] = f"Bearer {at.key}" if at.key else Omit()
    headers.update((name.lower(), value) for name, value in at.extra_headers.items())
    return headers
