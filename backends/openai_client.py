"""Where an OpenAI-compatible server is, which key it gets, and a client of the SDK for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from .errors import MissingError, UserError
from .guard import is_loopback

if TYPE_CHECKING:
    import ssl

    from openai import AsyncOpenAI, Omit

OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What may be a variable's name, and shown; a key that stands in its place may not."""

_SHORTEST_SECRET = 4
"""Shorter keys are placeholders; to redact them would garble the message around them."""


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A server, and what is sent to nobody but it.

    Args:
        url: The base URL, without a slash at its end.
        key: The key; None sends no `Authorization` at all.
        key_source: Where the key came from, for messages.
        extra_headers: Further headers of each request.
    """

    url: str
    key: str | None = None
    key_source: str = ""
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        """Return where the server is and where its key came from, nothing secret."""
        return f"{type(self).__name__}(url={self.shown!r}, key_source={self.key_source!r})"

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI's own host, and not one that speaks its protocol."""
        return _is_openai(urlsplit(self.url))

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without user and password."""
        parts = urlsplit(self.url)
        return parts._replace(
            netloc=parts.netloc.rpartition("@")[2], query="", fragment=""
        ).geturl()

    def redact(self, text: str) -> str:
        """Return the text with everything secret struck out."""
        secrets = {self.key, urlsplit(self.url).password, *self.extra_headers.values()}
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "[redacted]")
        return text

    def headers(self) -> dict[str, str | Omit]:
        """Return the headers of a request, over those that the SDK adds.

        The SDK's own environment variables (`OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`,
        `OPENAI_CUSTOM_HEADERS`) are meant for OpenAI: they are sent to its own host alone.
        """
        from openai import Omit

        headers: dict[str, str | Omit] = {}
        if not self.is_openai:
            ambient = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            names = ["OpenAI-Organization", "OpenAI-Project"]
            names += [line.partition(":")[0].strip() for line in ambient if ":" in line]
            headers.update((name.lower(), Omit()) for name in names)
        headers["authorization"] = f"Bearer {self.key}" if self.key else Omit()
        headers.update((name.lower(), value) for name, value in self.extra_headers.items())
        return headers


def endpoint(
    base_url: str | None,
    api_key: str | None,
    api_key_env: str | None,
    extra_headers: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return where to send requests, and with which key.

    The key is `api_key`, else what the variable `api_key_env` holds, else, for OpenAI's own host
    alone, `OPENAI_API_KEY`. Another server gets no key that was not meant for it.

    Raises:
        UserError: When the URL is none, or a key is missing or cannot be sent.
    """
    url = (OPENAI_URL if base_url is None else base_url).strip().rstrip("/")
    parts = _split(url)
    key, source = _key(api_key, api_key_env, openai=_is_openai(parts))
    if key is not None and not all("!" <= char <= "~" for char in key):
        raise UserError(f"The key in {source} holds characters that cannot be sent.")
    return Endpoint(url, key, source, MappingProxyType(dict(extra_headers or {})))


def open_client(at: Endpoint, *, connect_timeout_s: float, idle_timeout_s: float) -> AsyncOpenAI:
    """Return a new client of the SDK; it takes long the first time, so call it in a thread.

    Raises:
        UserError: When the SDK does not accept the URL.
    """
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError

    timeout = httpx2.Timeout(idle_timeout_s, connect=connect_timeout_s)
    try:
        client = AsyncOpenAI(
            base_url=at.url,
            # An empty string would make the SDK look for OPENAI_ADMIN_KEY; this one is not sent.
            api_key=at.key or "none",
            max_retries=0,
            timeout=timeout,
            # A proxy of the environment is not on the way to this machine itself.
            http_client=DefaultAsyncHttpxClient(
                timeout=timeout, verify=_tls(), trust_env=not is_loopback(at.url)
            ),
        )
    except (OpenAIError, httpx2.InvalidURL, ValueError) as exc:
        raise UserError(at.redact(f"base_url {at.shown} cannot be used: {exc}")) from None
    # The SDK would ask the operating system at the first request, in a thread that stays; and
    # once it knows the platform, the rest of what its headers say, on the event loop.
    vars(client)["_platform"] = client.platform_headers()["X-Stainless-OS"]
    client.platform_headers()
    return client


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return the one TLS context: to read the certificates takes tens of milliseconds."""
    import httpx2

    return httpx2.create_ssl_context()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = valid and not parts.query and not parts.fragment
    except ValueError:
        valid, parts = False, urlsplit("")
    if not valid or any(char.isspace() for char in url):
        raise UserError(
            "base_url is not an http(s) URL.", hint="Write it like http://127.0.0.1:8000/v1."
        )
    return parts


def _is_openai(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    return parts.scheme == "https" and (
        host == "api.openai.com" or host.endswith(".api.openai.com")
    )


def _key(api_key: str | None, api_key_env: str | None, *, openai: bool) -> tuple[str | None, str]:
    if api_key and api_key.strip():
        return api_key.strip(), "api_key"
    if api_key_env:
        value = os.environ.get(api_key_env, "").strip()
        if not value:
            named = api_key_env if _VARIABLE.fullmatch(api_key_env) else "that it names"
            raise MissingError(f"The environment variable {named} (api_key_env) is not set.")
        return value, api_key_env
    if not openai:
        return None, ""
    value = os.environ.get(KEY_VARIABLE, "").strip()
    if not value:
        raise MissingError(
            "OpenAI needs a key.", hint=f"Set the environment variable {KEY_VARIABLE}."
        )
    return value, KEY_VARIABLE
