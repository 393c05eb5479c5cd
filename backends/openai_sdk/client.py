"""A client of the OpenAI SDK, for OpenAI and for every server that speaks one of its protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..endpoint import Endpoint
from ..transport import Timeouts, names_in, open_sdk
from ..vendors import OPENAI

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def open_openai(at: Endpoint, timeouts: Timeouts) -> AsyncOpenAI:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread.

    The SDK's own environment variables (`OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`,
    `OPENAI_CUSTOM_HEADERS`) are meant for OpenAI: they are sent to its own host alone.

    Raises:
        UserError: When the SDK does not accept the URL.
    """
    from openai import AsyncOpenAI, OpenAIError

    ambient: tuple[str, ...] = ()
    if not OPENAI.owns(at.url):
        ambient = ("OpenAI-Organization", "OpenAI-Project", *names_in("OPENAI_CUSTOM_HEADERS"))
    return open_sdk(
        AsyncOpenAI,
        OpenAIError,
        at,
        timeouts,
        ambient=ambient,
    )
