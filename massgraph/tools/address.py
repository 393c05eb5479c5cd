"""Where an MCP server is: a program that is started, or an address that is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ..backends.errors import UserError
from ..backends.words import Keys
from .variables import filled_in

_SECRET = re.compile(r"key|token|secret|passw|auth|cookie|credential", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is; of `command` and `url` it has one.

    Args:
        command: The program to start.
        url: The address to ask.
        args: The program's arguments.
        env: The program's variables, with `${NAME}` for those of our own environment.
        headers: HTTP headers, with `${NAME}` as in `env`.
    """

    command: str | None = None
    url: str | None = None
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def problems(self) -> Iterator[tuple[Keys, str, bool]]:
        """Give out what is wrong: where, what, and whether it is the key; no value is repeated."""
        if not self.command and self.url is None:
            yield (), "a server needs a 'command' or a 'url'", True
        elif self.command is not None and self.url is not None:
            yield ("url",), "give 'command' or 'url', not both", True
        elif self.url is not None and not _is_http(self.url):
            yield ("url",), "url is not an http(s) URL", False
        belongs = "a url" if self.url is None else "a command"
        for name in ("headers",) if self.url is None else ("args", "env"):
            if getattr(self, name):
                yield (name,), f"{name!r} belongs to {belongs}", True
        yield from self._unfit()

    def _unfit(self) -> Iterator[tuple[Keys, str, bool]]:
        for number, text in enumerate(self.args):
            if "\0" in text:
                yield ("args", number), f"args[{number}] holds a null character", False
        for name, value in self.env.items():
            if not name or "=" in name or "\0" in name:
                yield ("env", name), f"{name!r} can't be the name of a variable", True
            elif "\0" in value:
                yield ("env", name), f"the value of {name} holds a null character", False
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name):
                yield ("headers", name), f"{name!r} can't be the name of a header", True
            elif not _HEADER_VALUE.fullmatch(value):
                yield ("headers", name), f"{name} holds characters that cannot be sent", False

    @property
    def shown(self) -> str:
        """Where it is, without what may be secret: a program's name, or an address."""
        if self.url is None:
            return str(self.command)
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    @property
    def signed_in(self) -> tuple[str, tuple[str, str] | None]:
        """The URL without user and password, as it may be logged, and these two."""
        parts = urlsplit(self.url or "")
        user, found, host = parts.netloc.rpartition("@")
        if not found:
            return parts.geturl(), None
        name, _, password = user.partition(":")
        return parts._replace(netloc=host).geturl(), (unquote(name), unquote(password))

    def variables(self, needed_by: str) -> dict[str, str]:
        """Return the program's own variables, filled in.

        Args:
            needed_by: Who needs them, as a message begins.

        Raises:
            MissingError: When one that is asked for is not set.
        """
        return filled_in(self.env, needed_by)

    def sent_headers(self, needed_by: str) -> dict[str, str]:
        """Return the HTTP headers, filled in; args and errors as of `variables`.

        Raises:
            UserError: When what a variable holds cannot be sent, too.
        """
        headers = filled_in(self.headers, needed_by)
        for name, value in headers.items():
            if not _HEADER_VALUE.fullmatch(value):
                raise UserError(f"{needed_by}: {name} holds characters that cannot be sent.")
        return headers

    def secrets(self, *, only_secret: bool = False) -> list[str]:
        """Return the texts that must not be shown.

        Args:
            only_secret: Whether only what is plainly secret counts: a time zone may well be shown.
        """
        values = filled_in({**self.env, **self.headers}, "", missing_ok=True)
        found = [
            part
            for name, value in values.items()
            if not only_secret or _SECRET.search(name)
            for part in (value, *value.split()[1:])  # the key behind `Bearer`
        ]
        parts = urlsplit(self.url or "")
        # Without a password, the user is a token.
        user = parts.username if parts.password is None else parts.password
        return [part for part in (*found, parts.query, user) if part]


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return valid and not any(char.isspace() for char in url)
