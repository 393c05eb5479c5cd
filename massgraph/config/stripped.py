"""Plain values less what is secret in them, and where that stood."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..backends.keys import looks_like_key, struck, without_keys
from .document import Document, Keys

SECRET_WORDS = frozenset(
    [
        "key",
        "apikey",
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "auth",
        "authorization",
        "bearer",
        "credential",
        "cookie",
        "jwt",
        "pat",
    ]
)
"""A name whose last word is one of these, or their plural, is that of a secret."""
VALUES_ARE = frozenset(
    [
        "env",
        "headers",
        "default_headers",
        "extra_headers",
        "query",
        "default_query",
        "extra_query",
        "cookies",
    ]
)
"""Mappings whose values are secrets as a rule."""
SCHEMAS = frozenset({"properties", "$defs", "definitions"})
"""Mappings of a JSON schema: their keys are names of something that has no value yet."""
URLS = frozenset({"url", "base_url", "api_base", "endpoint", "proxy"})
"""Keys of addresses, all of whose queries may be secret."""
SHORTEST = 8
"""Shorter values of variables are words that a config may hold by chance."""
OUT = "[redacted]"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_REFERENCE = re.compile(r"(?:(?:Bearer|Basic|Token) +)?(?:\$\{\w+\})+", re.IGNORECASE)
"""What names variables and says nothing else."""
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_USER = re.compile(r"(://)[^/?#\s\"'<>]*@")
_QUERY = re.compile(r"([?&;]([\w.\-\[\]]+)=)[^&;#\s\"'<>]+")
_WHOLE_QUERY = re.compile(r"\?[^#]*")
_NAMED = re.compile(r"(-{0,2}([\w.-]+)\s*[=:]\s*)(\S.*)", re.DOTALL)
_FLAG = re.compile(r"-{1,2}[\w.-]+")


def is_secret_name(name: str) -> bool:
    """Return whether a name is that of a secret: `api_key`, `accessToken`, `X-API-Key`."""
    words = _WORDS.findall(name)
    last = words[-1].lower() if words else ""
    return last in SECRET_WORDS or last.removesuffix("s") in SECRET_WORDS


class Stripped:
    """Takes what is secret out of a config.

    Args:
        document: The config.
    """

    def __init__(self, document: Document) -> None:
        self.left_out: list[str] = []
        """The paths of what was left out, or changed."""
        self._known = set(_known_secrets(document.value))
        self.value = self._of(document.value, ())
        """What is left."""

    def _of(self, value: Any, path: Keys) -> Any:
        if isinstance(value, Mapping):
            kept = {k: v for k, v in value.items() if not self._is_secret(v, (*path, k))}
            return {k: self._of(v, (*path, k)) for k, v in kept.items()}
        if isinstance(value, list):
            return self._items(value, path)
        return self._text(value, path) if isinstance(value, str) else value

    def _is_secret(self, value: Any, path: Keys) -> bool:
        """Return whether a value is to be left out with its key, and note that."""
        name, inside = str(path[-1]), str(path[-2]) if len(path) > 1 else ""
        if inside in SCHEMAS or value is None or isinstance(value, bool | int | float):
            return False
        listed = inside in VALUES_ARE
        secret = listed or is_secret_name(name)
        if isinstance(value, str):
            plain = looks_like_key(value) or value in self._known
            secret = plain or (secret and not (listed and _REFERENCE.fullmatch(value)))
        if secret:
            self._note(path)
        return secret

    def _items(self, items: list[Any], path: Keys) -> list[Any]:
        """Return the items of a list; of a program's arguments, a flag tells what follows it."""
        kept: list[Any] = []
        flag = ""
        for number, item in enumerate(items):
            at = (*path, number)
            if isinstance(item, str) and is_secret_name(flag) and not _FLAG.fullmatch(item):
                self._note(at)
                kept.append(OUT)
            else:
                argument = isinstance(item, str) and path[-1:] == ("args",)
                kept.append(self._of(self._argument(item, at) if argument else item, at))
            flag = item if isinstance(item, str) and _FLAG.fullmatch(item) else ""
        return kept

    def _argument(self, text: str, path: Keys) -> str:
        """Return a program's argument without the value that it names: `--token=...`."""
        found = _NAMED.fullmatch(text)
        if found is None or not is_secret_name(found[2]) or _REFERENCE.fullmatch(found[3]):
            return text
        self._note(path)
        return f"{found[1]}{OUT}"

    def _text(self, text: str, path: Keys) -> str:
        """Return a text without keys, and the addresses in it without what is secret."""
        bare = without_keys(struck(text, self._known))
        if "://" in bare:
            bare = _USER.sub(r"\1", bare)
            bare = _QUERY.sub(lambda one: one[1] + OUT if is_secret_name(one[2]) else one[0], bare)
            if path and path[-1] in URLS:
                bare = _WHOLE_QUERY.sub("", bare)
        if bare != text:
            self._note(path)
        return bare

    def _note(self, path: Keys) -> None:
        self.left_out.append(".".join(map(str, path)))


def _known_secrets(config: Any) -> Iterator[str]:
    """Give out the secrets of the environment: by their names, or named by the config."""
    named = set(_variables(config))
    for name, value in os.environ.items():
        secret = name in named or any(is_secret_name(part) for part in _beginnings(name))
        for found in (value if secret else "", _password(value)):
            if len(found) >= SHORTEST:
                yield found


def _beginnings(name: str) -> Iterator[str]:
    """Give out a variable's name, and it without a number or word at its end: `API_KEY_2`."""
    yield name
    yield name.rpartition("_")[0]


def _variables(value: Any) -> Iterator[str]:
    """Give out the variables that a config names as those of secrets."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "api_key_env" and isinstance(inner, str):
                yield inner
            elif is_secret_name(str(key)) and isinstance(inner, str):
                yield from _VARIABLE.findall(inner)
            yield from _variables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _variables(inner)


def _password(value: str) -> str:
    """Return the password of a variable that is an address."""
    if "://" not in value or "@" not in value:
        return ""
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""
