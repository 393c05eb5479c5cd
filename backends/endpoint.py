"""Where a provider's server is, and which key it gets."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import MissingError, UserError
from .keys import owner_of, shown_variable, struck, without_keys

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2."""
_HEADER_VALUE = re.compile(r"[\t -~]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A provider's own host, and the variables that its users set.

    Args:
        title: Its name, for messages.
        url: Its own base URL.
        host: Its own host; those below it are its own, too.
        key_variables: Where its key is looked for, the first one that is set counts.
        shares_key: Whether another host that a person names gets the key of the variables, too;
            where it does not, another host needs no key.
        url_variable: The variable that replaces its URL, where its SDK knows one.
        example: What a base URL looks like, for messages.
    """

    title: str
    url: str
    host: str
    key_variables: tuple[str, ...]
    shares_key: bool
    url_variable: str | None = None
    example: str = "http://127.0.0.1:8000/v1"

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
        url_source: Where the URL came from, for messages.
    """

    url: str
    key: str | None = None
    key_source: str = ""
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    vendor: Vendor | None = None
    url_source: str = "base_url"

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

    @property
    def bare_url(self) -> str:
        """The URL without user and password, as clients get it: they log what they are given."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def basic(self) -> str | None:
        """The Authorization header that the URL's user and password stand for."""
        user, found, _ = urlsplit(self.url).netloc.rpartition("@")
        if not found:
            return None
        name, _, password = user.partition(":")
        said = f"{unquote(name)}:{unquote(password)}"
        return f"Basic {b64encode(said.encode()).decode()}"

    @property
    def named(self) -> str:
        """The URL, and the provider's name where it is the provider's own."""
        if self.vendor is None or not self.is_own:
            return self.shown
        return f"{self.vendor.title} ({self.shown})"

    def redact(self, text: str) -> str:
        """Return the text with everything secret struck out, and what looks like anybody's key."""
        parts = urlsplit(self.url)
        secrets = [self.key, parts.password, parts.username]
        for value in (self.basic or "", *self.extra_headers.values()):
            secrets += [value, value.partition(" ")[2]]  # `Bearer KEY`
        return without_keys(struck(text, filter(None, secrets)))


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
        UserError: When the URL is none, a header cannot be sent, or a key is missing, cannot be
            sent, or is plainly another provider's.
    """
    url, named = (base_url, "base_url") if base_url is not None else _default_url(vendor)
    url = url.strip().rstrip("/")
    _check_url(url, named, vendor)
    key, source = _key(vendor, api_key, api_key_env, own=vendor.owns(url))
    at = Endpoint(url, key, source, _headers(extra_headers or {}), vendor, named)
    if key is not None:
        _check_key(at, key)
    return at


def default_endpoint(vendor: Vendor) -> Endpoint:
    """Return where a vendor's server is unless somebody says otherwise; its key is left out."""
    url, source = _default_url(vendor)
    return Endpoint(url.rstrip("/"), vendor=vendor, url_source=source)


def _default_url(vendor: Vendor) -> tuple[str, str]:
    """Return the URL where none is given, and the variable that it is from."""
    replaced = os.environ.get(vendor.url_variable, "").strip() if vendor.url_variable else ""
    return (replaced, vendor.url_variable or "") if replaced else (vendor.url, "base_url")


def _check_url(url: str, named: str, vendor: Vendor) -> None:
    hint = f"Write it like {vendor.example}."
    try:
        parts = urlsplit(url)
        valid = _is_http(parts)
    except ValueError:
        raise UserError(f"{named} is not an http(s) URL.", hint=hint) from None
    if not valid or any(char.isspace() for char in url):
        raise UserError(f"{named} is not an http(s) URL.", hint=hint)
    for part, said in (("query", parts.query), ("fragment", parts.fragment)):
        if said:
            raise UserError(f"{named} must have no {part}.", hint=hint)
    path = urlsplit(vendor.url).path
    if vendor.owns(url) and path and parts.path != path:
        raise UserError(
            f"{named} must end in {path} for {vendor.title}.", hint=f"Write it as {vendor.url}."
        )


def _is_http(parts: SplitResult) -> bool:
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0


def _headers(given: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in given.items():
        if not _HEADER_NAME.fullmatch(name):
            raise UserError("extra_headers: a name holds characters that cannot be sent.")
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UserError(f"extra_headers: the value of {name} must be text.")
        if not _HEADER_VALUE.fullmatch(value.strip(" \t")):
            raise UserError(
                f"extra_headers: the value of {name} holds characters that cannot be sent."
            )
    return MappingProxyType({name: value.strip(" \t") for name, value in given.items()})


def _key(
    vendor: Vendor, api_key: str | None, api_key_env: str | None, *, own: bool
) -> tuple[str | None, str]:
    if api_key and api_key.strip():
        return api_key.strip(), "api_key"
    if api_key_env:
        value = os.environ.get(api_key_env, "").strip()
        if not value:
            named = shown_variable(api_key_env)
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
    if key.startswith(("${", "{{")):
        raise UserError(
            f"The key in {at.key_source} is a placeholder, which nobody fills in.",
            hint="Leave api_key out, and name the variable in api_key_env.",
        )
    if key[0] in "'\"" or key[-1] in "'\"":
        raise UserError(f"The key in {at.key_source} has quotes around it.", hint="Leave them out.")
    if not all("!" <= char <= "~" for char in key):
        raise UserError(f"The key in {at.key_source} holds characters that cannot be sent.")
    if not at.is_own or at.vendor is None:
        return  # gateways have keys of their own
    whose = owner_of(key)
    if whose not in (None, at.vendor.title):
        raise UserError(f"The key in {at.key_source} is one of {whose}, not of {at.vendor.title}.")
