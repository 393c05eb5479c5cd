"""The `.env` file of the working directory: it fills gaps in the environment, no more."""

from __future__ import annotations

import io
import os
from pathlib import Path

from .problems import ConfigError, Place, Problem

NAME = ".env"


def read_env_file(folder: Path | None = None) -> None:
    """Add what `.env` says to the environment, where the environment says nothing itself.

    Args:
        folder: Where the file is; the working directory if left out.

    Raises:
        ConfigError: When the file cannot be read, or is not UTF-8 text.
    """
    path = (folder or Path.cwd()) / NAME
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise ConfigError([Problem(Place(NAME, 1, 1), f"cannot be read: {reason}")]) from None
    from dotenv import dotenv_values

    for name, value in dotenv_values(stream=io.StringIO(text)).items():
        if value is not None and "\0" not in value:
            os.environ.setdefault(name, value)
