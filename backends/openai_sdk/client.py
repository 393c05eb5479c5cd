"""A client of the OpenAI SDK, for OpenAI and for every server that speaks one of its protocols."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..endpoint import Endpoint
from ..errors import UserError
from ..transport import open_http

if TYPE_CHECKING:
    from openai import AsyncOpenAI, Omit


def open_openai(at: Endpoint, *, connect_timeout_s: float, idle_timeout_s: float) -> AsyncOpenAI:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread.

    Raises:
        UserError: When the SDK does not accept the URL.
    """
    import httpx2
    from openai import AsyncOpenAI, OpenAIError

    http = open_http(at, connect_timeout_s=connect_timeout_s, idle_timeout_s=idle_timeout_s)
    try:
        client = AsyncOpenAI(
            base_url=at.url,
            # An empty string would make the SDK look for OPENAI_ADMIN_KEY; this one is not sent.
            api_key=at.key or "none",
            max_retries=0,
            timeout=http.timeout,
            http_client=http,
        )
    except (OpenAIError, httpx2.InvalidURL, ValueError) as exc:
        raise UserError(at.redact(f"base_url {at.shown} cannot be used: {exc}")) from None
    # The SDK would ask the operating system at the first request, in a thread that stays; and
    # once it knows the platform, the rest of what its headers say, on the event loop.
    vars(client)["_platform"] = client.platform_headers()["X-Stainless-OS"]
    client.platform_headers()
    return client


def openai_headers(at: Endpoint) -> dict[str, str | Omit]:
    """Return the headers of a request, over those that the SDK adds.

    The SDK's own environment variables (`OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`,
    `OPENAI_CUSTOM_HEADERS`) are meant for OpenAI: they are sent to its own host alone.
    """
    from openai import Omit

    headers: dict[str, str | Omit] = {}
    if not (at.is_own and at.vendor is not None and at.vendor.title == "OpenAI"):
        ambient = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        names = ["OpenAI-Organization", "OpenAI-Project"]
        names += [line.partition(":")[0].strip() for line in ambient if ":" in line]
        headers.update((name.lower(), Omit()) for name in names)
    headers["authorization"] = f"Bearer {at.key}" if at.key else Omit()
    headers.update((name.lower(), value) for name, value in at.extra_headers.items())
    return headers
