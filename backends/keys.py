"""Keys: how they look, and how a text is rid of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

from .errors import UserError

_PREFIXES: Mapping[str, str] = {
    "sk-ant-": "Anthropic",
    "sk-or-": "OpenRouter",
    "sk-": "OpenAI",
    "xai-": "xAI",
    "AIza": "Google",
    "gsk_": "Groq",
}
"""How the keys of a provider begin, the longer prefix first."""

NO_MODEL = "What is given as the model looks like a key; a key goes into an environment variable."
_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
"""Where a key may begin: not within a word (`risk-assessment`), unless that is an escape."""
_KEY = re.compile(rf"{_START}(?:{'|'.join(map(re.escape, _PREFIXES))})[\w-]{{6,}}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,39}")
_SHORTEST = 4
"""Shorter keys are placeholders; to strike them out would garble the message around them."""


def owner_of(key: str) -> str | None:
    """Return whose key it plainly is, or None."""
    return next((name for prefix, name in _PREFIXES.items() if key.startswith(prefix)), None)


def looks_like_key(text: str) -> bool:
    """Return whether a text, or what stands behind a colon in it, is plainly a key."""
    return any(_KEY.fullmatch(part.strip()) for part in text.split(":"))


def check_model(name: str) -> None:
    """Check that what is given as a model's name, which messages repeat, is no key.

    Raises:
        UserError: When it is one; it is not repeated.
    """
    if looks_like_key(name):
        raise UserError(NO_MODEL)


def shown_variable(name: str) -> str:
    """Return a variable's name, or words for it where it may be the key itself."""
    known = _VARIABLE.fullmatch(name) and owner_of(name) is None
    return name if known else "that it names"


def struck(text: str, secrets: Iterable[str]) -> str:
    """Return the text without the secrets, as they are or as texts are quoted."""
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "[redacted]")
    return text


def without_keys(text: str) -> str:
    """Return the text without what plainly is a key, whoever's it may be."""
    return _KEY.sub("[redacted]", text)


def _forms(secret: str) -> Iterator[str]:
    for said in (secret, unquote(secret)):
        yield said
        yield repr(said)[1:-1]
        yield repr(said.encode())[2:-1]
        yield json.dumps(said)[1:-1]
        yield quote(said)
        yield quote(said, safe="")
        yield quote_plus(said)
