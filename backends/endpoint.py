"""Where a provider's server is, and which key it gets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from .errors import MissingError, UserError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What may be a variable's name, and shown; a key that stands in its place may not."""

_SHORTEST_SECRET = 4
"""Shorter keys are placeholders; to redact them would garble the message around them."""

_KEY_PREFIXES: Mapping[str, str] = {
    "sk-ant-": "Anthropic",
    "sk-or-": "OpenRouter",
    "sk-": "OpenAI",
    "xai-": "xAI",
    "AIza": "Google",
    "gsk_": "Groq",
}
"""How the keys of a provider begin, the longer prefix first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A provider's own host, and the variables that its users set.

    Args:
        title: Its name, for messages.
        url: Its own base URL.
        host: Its own host; those below it are its own, too.
        key_variables: Where its key is looked for, the first one that is set counts.
        url_variable: The variable that replaces its URL, where its SDK knows one.
        example: What a base URL looks like, for messages.
        shares_key: Whether another host that a person names gets the key of the variables, too;
            where it does not, another host needs no key.
    """

    title: str
    url: str
    host: str
    key_variables: tuple[str, ...]
    url_variable: str | None = None
    example: str = "http://127.0.0.1:8000/v1"
    shares_key: bool = True

    def owns(self, url: str) -> bool:
        """Return whether a URL is the provider's own, and not in the clear."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "https" and (host == self.host or host.endswith(f".{self.host}"))


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A server, and what is sent to nobody but it.

    Args:
        url: The base URL, without a slash at its end.
        key: The key; None sends none.
        key_source: Where the key came from, for messages.
        extra_headers: Further headers of each request.
        vendor: Whose protocol the server speaks.
    """

    url: str
    key: str | None = None
    key_source: str = ""
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    vendor: Vendor | None = None

    def __repr__(self) -> str:
        """Return where the server is and where its key came from, nothing secret."""
        return f"{type(self).__name__}(url={self.shown!r}, key_source={self.key_source!r})"

    @property
    def is_own(self) -> bool:
        """Whether this is the vendor's own host, and not one that speaks its protocol."""
        return self.vendor is not None and self.vendor.owns(self.url)

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


def endpoint(
    vendor: Vendor,
    base_url: str | None,
    api_key: str | None,
    api_key_env: str | None,
    extra_headers: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return where to send requests, and with which key.

    The URL is `base_url`, else what the vendor's variable holds, else the vendor's own. The key is
    `api_key`, else what the variable `api_key_env` holds, else what the vendor's variables hold.

    Raises:
        UserError: When the URL is none, or a key is missing, cannot be sent, or is plainly
            another provider's.
    """
    url = (base_url if base_url is not None else _default_url(vendor)).strip().rstrip("/")
    _check_url(url, vendor)
    key, source = _key(vendor, api_key, api_key_env, own=vendor.owns(url))
    at = Endpoint(url, key, source, MappingProxyType(dict(extra_headers or {})), vendor)
    if key is not None:
        _check_key(at, key)
    return at


def _default_url(vendor: Vendor) -> str:
    replaced = os.environ.get(vendor.url_variable, "").strip() if vendor.url_variable else ""
    return replaced or vendor.url


def _check_url(url: str, vendor: Vendor) -> None:
    try:
        parts = urlsplit(url)
        valid = _is_http(parts)
    except ValueError:
        valid = False
    if not valid or any(char.isspace() for char in url):
        raise UserError("base_url is not an http(s) URL.", hint=f"Write it like {vendor.example}.")


def _is_http(parts: SplitResult) -> bool:
    named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return named and not parts.query and not parts.fragment


def _key(
    vendor: Vendor, api_key: str | None, api_key_env: str | None, *, own: bool
) -> tuple[str | None, str]:
    if api_key and api_key.strip():
        return api_key.strip(), "api_key"
    if api_key_env:
        value = os.environ.get(api_key_env, "").strip()
        if not value:
            named = api_key_env if _VARIABLE.fullmatch(api_key_env) else "that it names"
            raise MissingError(f"The environment variable {named} (api_key_env) is not set.")
        return value, api_key_env
    if not own and not vendor.shares_key:
        return None, ""
    for variable in vendor.key_variables:
        value = os.environ.get(variable, "").strip()
        if value:
            return value, variable
    raise MissingError(
        f"{vendor.title} needs a key.",
        hint=f"Set the environment variable {' or '.join(vendor.key_variables)}.",
    )


def _check_key(at: Endpoint, key: str) -> None:
    if not all("!" <= char <= "~" for char in key):
        raise UserError(f"The key in {at.key_source} holds characters that cannot be sent.")
    if not at.is_own or at.vendor is None:
        return  # gateways have keys of their own
    whose = next((name for prefix, name in _KEY_PREFIXES.items() if key.startswith(prefix)), None)
    if whose not in (None, at.vendor.title):
        raise UserError(f"The key in {at.key_source} is one of {whose}, not of {at.vendor.title}.")
