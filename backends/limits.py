"""What an account may use in a minute, and what tells one account from another."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from .errors import UserError

_SALT = os.urandom(16)
"""Of this process alone: what is printed of an account by accident tells nothing of its key."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What all calls of one account may use together; what is left out is not limited.

    Args:
        requests_per_minute: Requests that may begin within any 60 seconds.
        tokens_per_minute: Tokens, sent and received, within any 60 seconds.
        concurrent_calls: Calls that may run at the same time.

    Raises:
        UserError: When a figure is not a whole number from 1.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None

    def __post_init__(self) -> None:
        given: dict[str, Any] = self.given()
        for name, value in given.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UserError(f"limits: {name} must be a whole number from 1.")

    @classmethod
    def of(cls, given: Limits | Mapping[str, Any]) -> Limits:
        """Return the limits that a config's `limits:` mapping describes.

        Raises:
            UserError: When it is no mapping, or names or holds what limits do not know.
        """
        if isinstance(given, Limits):
            return given
        known = [field.name for field in fields(cls)]
        hint = f"Known: {', '.join(known)}."
        if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UserError(f"limits must be a mapping, not {type(given).__name__}.", hint=hint)
        for name in given:
            if name not in known:
                close = get_close_matches(str(name), known, n=1)
                hint = f"Did you mean {close[0]!r}?" if close else hint
                raise UserError(f"limits: unknown key {name!r}.", hint=hint)
        return cls(**given)

    def given(self) -> dict[str, int]:
        """Return the figures that are limited, by name."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in named if value is not None}

    def __str__(self) -> str:
        """Return the figures as a person writes them."""
        return ", ".join(f"{name}: {value}" for name, value in self.given().items()) or "none"


def account_of(url: str, key: str | None, headers: Mapping[str, str] | None = None) -> str:
    """Return what names an account and is safe to show: one server and one key are one account.

    Args:
        url: The server's URL; user and password of it are secrets like the key.
        key: The key.
        headers: Further headers of each request: without a key, it may be in one of them.
    """
    user, _, host = urlsplit(url).netloc.rpartition("@")
    secrets = [user, key] if key else [user, *sorted((headers or {}).values())]
    digest = hashlib.blake2b("\0".join(secrets).encode(), key=_SALT, digest_size=8).hexdigest()
    return f"{host.lower()} ({digest})"
