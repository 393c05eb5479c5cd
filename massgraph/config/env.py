"""The `.env` file of the working directory: it fills gaps in the environment, no more."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..backends.vendors import VENDORS
from .problems import ConfigError, Place, Problem

if TYPE_CHECKING:
    from dotenv.parser import Original

NAME = ".env"

_KEYS_OF: Mapping[str, tuple[str, ...]] = {
    vendor.url_variable: vendor.key_variables for vendor in VENDORS if vendor.url_variable
}
"""An address -> the keys that are sent to it.

A file that happens to lie in a folder must not send a key of the environment elsewhere.
"""


def read_env_file(folder: Path | None = None) -> list[Problem]:
    """Add what `.env` says to the environment, where the environment says nothing itself.

    Returns what is left out: lines that say nothing (they are not repeated: they may hold a key),
    and addresses that would divert a key of the environment.

    Args:
        folder: Where the file is; the working directory if left out.

    Raises:
        ConfigError: When the file cannot be read, or is not UTF-8 text.
    """
    path = (folder or Path.cwd()) / NAME
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise ConfigError([Problem(Place(NAME, 1, 1), f"cannot be read: {reason}")]) from None
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    bindings = list(parse_stream(io.StringIO(text)))
    # dotenv logs what it cannot read; it is given the rest alone.
    readable = "".join(one.original.string for one in bindings if not one.error)
    mine = {name for keys in _KEYS_OF.values() for name in keys if name in os.environ}
    problems = [_broken(one.original) for one in bindings if one.error]
    for name, value in dotenv_values(stream=io.StringIO(readable)).items():
        if name in os.environ or value is None or "\0" in value:
            continue
        elsewhere = [key for key in _KEYS_OF.get(name, ()) if key in mine]
        if elsewhere:
            line = next(one.original.line for one in bindings if one.key == name)
            problems.append(_diverted(name, elsewhere[0], line))
        else:
            os.environ[name] = value
    return problems


def _diverted(name: str, key: str, line: int) -> Problem:
    message = f"{name} is left out: it would send the {key} of the environment elsewhere"
    return Problem(Place(NAME, line, 1), message)


def _broken(original: Original) -> Problem:
    blank = len(original.string) - len(original.string.lstrip())
    line = original.line + original.string[:blank].count("\n")
    return Problem(Place(NAME, line, 1), "this is not NAME=VALUE; it is left out")
