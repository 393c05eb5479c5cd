"""The `.env` file of the working directory: it fills gaps in the environment, no more."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .problems import ConfigError, Place, Problem

if TYPE_CHECKING:
    from dotenv.parser import Original

NAME = ".env"


def read_env_file(folder: Path | None = None) -> list[Problem]:
    """Add what `.env` says to the environment, where the environment says nothing itself.

    Returns the lines that say nothing. They are not repeated: they may hold a key.

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
    for name, value in dotenv_values(stream=io.StringIO(readable)).items():
        if value is not None and "\0" not in value:
            os.environ.setdefault(name, value)
    return [_broken(one.original) for one in bindings if one.error]


def _broken(original: Original) -> Problem:
    blank = len(original.string) - len(original.string.lstrip())
    line = original.line + original.string[:blank].count("\n")
    return Problem(Place(NAME, line, 1), "this is not NAME=VALUE; it is left out")
