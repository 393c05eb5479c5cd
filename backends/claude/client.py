"""A client of the Anthropic SDK, for Anthropic and for servers that speak its protocol."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..endpoint import Endpoint
from ..transport import Timeouts, names_in, open_sdk

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_PATH = re.compile(r"/v1(/messages)?/?$")
"""What the SDK adds to the URL by itself."""


def bare(at: Endpoint) -> Endpoint:
    """Return the server without the path that the SDK adds, should somebody have written it."""
    return replace(at, url=_PATH.sub("", at.url))


def open_claude(at: Endpoint, timeouts: Timeouts) -> AsyncAnthropic:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread.

    `ANTHROPIC_CUSTOM_HEADERS` is meant for Anthropic: it is sent to its own host alone.

    Raises:
        UserError: When the SDK does not accept the URL.
    """
    from anthropic import AnthropicError, AsyncAnthropic

    return open_sdk(
        AsyncAnthropic,
        AnthropicError,
        at,
        timeouts,
        ambient=() if at.is_own else names_in("ANTHROPIC_CUSTOM_HEADERS"),
    )
