"""How Google writes JSON, and what it signs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .turn import seal


def is_three(model: str) -> bool:
    """Return whether a model is of the third family or later: it signs, and combines tools."""
    return re.match(r"gemini-[12][.-]|gemini-(pro|ultra)\b(?!-latest)|gemma", model) is None


def camel(key: str) -> str:
    """Return a key as JSON of Google has it; both ways to write it are taken."""
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def as_key(holder: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return what a holder has under a key, whichever way it is written."""
    return next((value for name, value in holder.items() if camel(name) == key), default)


def signature(*signed: str) -> str:
    """Return a thought signature."""
    return seal("gemini", *signed)
