"""A config as it is stored with a thread: whole, less its keys, so that a run can go on with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..backends.errors import UserError
from ..backends.keys import looks_like_key
from .document import Document, Keys

VERSION = 1

_SECRET = re.compile(
    r"(^|[_.\-])(key|token|secret|password|passwd|passphrase|authorization|credentials?|cookie)$",
    re.IGNORECASE,
)
_VALUES_ARE = ("env", "headers", "default_headers", "extra_headers")
"""Mappings whose values are secrets as a rule."""
_SHORTEST = 8
"""Shorter values of variables are words that a config may hold by chance."""


def stored_config(document: Document) -> str:
    """Return a config as JSON, less its keys.

    Left out are values of keys that are named like secrets (`api_key`), of an MCP server's `env`
    and `headers` unless they name a variable, values that look like a provider's key, and those of
    the environment's own secrets; addresses lose their passwords.
    """
    left_out: list[str] = []
    kept = _Stripped(left_out).of(document.value, ())
    values = {"v": VERSION, "source": document.source, "config": kept, "left_out": left_out}
    return json.dumps(values, ensure_ascii=False)


def restored_document(stored: str) -> Document:
    """Return the config that `stored_config` gave.

    Raises:
        UserError: When it is of a newer version, or what was left out does not come by itself.
    """
    values: Any = json.loads(stored)
    if values.get("v") != VERSION:
        raise UserError(
            "The thread was made by a newer massgraph.", hint="Give its config: -c FILE"
        )
    missing = [path for path in values["left_out"] if not path.endswith(".api_key")]
    if missing:
        raise UserError(
            f"The thread's config is stored without {', '.join(missing)}:",
            hint="give the config itself, -c FILE.",
        )
    return Document(values["source"], values["config"])


class _Stripped:
    """Takes what is secret out of plain values.

    Args:
        left_out: Takes the paths of what was left out.
    """

    def __init__(self, left_out: list[str]) -> None:
        self._left_out = left_out
        self._known = set(_secrets_of_environment())

    def of(self, value: Any, path: Keys) -> Any:
        """Return the value less its secrets."""
        if isinstance(value, Mapping):
            kept = {k: v for k, v in value.items() if not self._is_secret(v, (*path, k))}
            return {k: self.of(v, (*path, k)) for k, v in kept.items()}
        if isinstance(value, list):
            return [self.of(item, (*path, number)) for number, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _is_secret(self, value: Any, path: Keys) -> bool:
        named = bool(_SECRET.search(str(path[-1])))
        inside = len(path) > 1 and path[-2] in _VALUES_ARE and "${" not in str(value)
        secret = isinstance(value, str) and (
            named or inside or looks_like_key(value) or value in self._known
        )
        if secret:
            self._left_out.append(".".join(map(str, path)))
        return secret

    def _text(self, text: str, path: Keys) -> str:
        """Return a text without the environment's secrets, and an address without a password."""
        for secret in self._known:
            if secret in text:
                self._left_out.append(".".join(map(str, path)))
                text = text.replace(secret, "")
        if "://" in text and "@" in text and not text.split()[1:]:
            parts = urlsplit(text)
            if parts.password is not None:
                self._left_out.append(".".join(map(str, path)))
                host = parts.netloc.rpartition("@")[2]
                return urlunsplit(parts._replace(netloc=host))
        return text


def _secrets_of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET.search(name) and len(value) >= _SHORTEST:
            yield value
