"""What docstrings say of arguments: a schema describes its keys in the same words as the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def arguments_of(cls: type[Any]) -> dict[str, str]:
    """Return what the docstrings of a class, and of those above it, say of its arguments."""
    told: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        text = inspect.cleandoc(one.__dict__.get("__doc__") or "")
        for found in _ARGUMENT.finditer(text):
            told[found[1]] = " ".join(found[2].split())
    return told


def summary_of(cls: type[Any]) -> str:
    """Return the first paragraph of the docstring of a class, on one line."""
    return " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())
